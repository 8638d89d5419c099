// SPDX-License-Identifier: MIT
/*
 * Records of different CPUs come out of bpftrace in bunches, CPU by CPU. They are held for a
 * moment and put in the order of their times.
 */
#include "live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct held {
	uint64_t ts, arrived, number;
	size_t len;
	char *text;
};

struct order {
	struct held *held; /* [start, end) in the order of time */
	size_t start, end, room;
	char *taken;
};

int order_new(struct order **ret_order)
{
	*ret_order = calloc(1, sizeof(**ret_order));
	return *ret_order ? 0 : -ENOMEM;
}

void order_free(struct order *order)
{
	if (!order)
		return;
	for (size_t i = order->start; i < order->end; i++)
		free(order->held[i].text);
	free(order->held);
	free(order->taken);
	free(order);
}

static int make_room(struct order *order)
{
	size_t room = order->room ? order->room * 2 : 1024;
	struct held *held;

	if (order->end < order->room)
		return 0;
	if (order->start > order->room / 2) {
		memmove(order->held, order->held + order->start,
			(order->end - order->start) * sizeof(*order->held));
		order->end -= order->start;
		order->start = 0;
		return 0;
	}
	held = realloc(order->held, room * sizeof(*held));
	if (!held)
		return -ENOMEM;
	order->held = held;
	order->room = room;
	return 0;
}

int order_put(struct order *order, uint64_t ts, uint64_t arrived, const char *text, size_t len,
	      uint64_t number)
{
	struct held new = {.ts = ts, .arrived = arrived, .number = number, .len = len};
	size_t at;

	new.text = malloc(len + 1);
	if (!new.text || make_room(order) < 0) {
		free(new.text);
		return -ENOMEM;
	}
	memcpy(new.text, text, len);
	new.text[len] = '\0';
	at = order->end++;
	while (at > order->start && order->held[at - 1].ts > ts) {
		order->held[at] = order->held[at - 1];
		at--;
	}
	order->held[at] = new;
	return 0;
}

bool order_take(struct order *order, uint64_t before, size_t keep, struct line *ret_line)
{
	const struct held *first = &order->held[order->start];

	if (order->start == order->end ||
	    (first->arrived >= before && order->end - order->start <= keep))
		return false;
	free(order->taken);
	order->taken = first->text;
	*ret_line = (struct line){.text = first->text, .len = first->len, .number = first->number};
	order->start++;
	return true;
}
