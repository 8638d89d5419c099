// SPDX-License-Identifier: MIT
#include "util/num.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static int digit(char c, unsigned int base)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (base == 16 && c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (base == 16 && c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads digits at *p and moves it behind them; at least one is needed. */
static int take(const char **p, unsigned int base, uint64_t *ret)
{
	const char *s = *p;
	uint64_t value = 0;
	bool large = false;

	for (int d; (d = digit(*s, base)) >= 0; s++) {
		large |= __builtin_mul_overflow(value, (uint64_t)base, &value);
		large |= __builtin_add_overflow(value, (uint64_t)d, &value);
	}
	if (s == *p)
		return -EINVAL;
	*p = s;
	if (large)
		return -ERANGE;
	*ret = value;
	return 0;
}

int num_u64(const char *text, uint64_t *ret)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *p = hex ? text + 2 : text;
	uint64_t value = 0;
	int rc = take(&p, hex ? 16 : 10, &value);

	if (rc == -EINVAL || *p)
		return -EINVAL;
	if (rc == 0)
		*ret = value;
	return rc;
}

int num_i64(const char *text, int64_t *ret)
{
	bool negative = text[0] == '-';
	uint64_t value = 0, limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
	int rc = num_u64(text + negative, &value);

	if (rc)
		return rc;
	if (value > limit)
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 0;
}

int num_int(const char *text, int min, int max, int *ret)
{
	int64_t value = 0;
	int rc = num_i64(text, &value);

	if (rc)
		return rc;
	if (value < min || value > max)
		return -ERANGE;
	*ret = (int)value;
	return 0;
}

int num_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGTkmgt";
	const char *p = text, *unit;
	unsigned int shift = 0;
	uint64_t value = 0;
	int rc = take(&p, 10, &value);

	if (rc == -EINVAL)
		return rc;
	if (*p) {
		unit = strchr(units, *p);
		if (!unit || p[1])
			return -EINVAL;
		shift = 10 * ((unsigned int)(unit - units) % 4 + 1);
	}
	if (rc == 0 && shift && value >> (64 - shift))
		return -ERANGE;
	if (rc == 0)
		*ret = value << shift;
	return rc;
}

static const struct {
	const char *name;
	uint64_t ns;
} time_units[] = {
	{"", 1000000000u},  {"ns", 1},           {"us", 1000},          {"ms", 1000000},
	{"s", 1000000000u}, {"m", 60000000000u}, {"h", 3600000000000u},
};

/* Adds the part behind the point: ".25" of `unit`. Digits below 1 ns are cut off. */
static int add_fraction(const char *p, size_t count, uint64_t unit, uint64_t *value)
{
	uint64_t place = unit;

	for (size_t i = 0; i < count; i++) {
		place /= 10; /* exact: units above ns have zeros or a small cofactor */
		if (__builtin_add_overflow(*value, place * (uint64_t)(p[i] - '0'), value))
			return -ERANGE;
	}
	return 0;
}

int num_duration(const char *text, uint64_t *ret)
{
	const char *p = text, *fraction = NULL;
	uint64_t value = 0, unit = 0;
	size_t fraction_len = 0;
	int rc = take(&p, 10, &value);

	if (rc == -EINVAL)
		return rc;
	if (*p == '.') {
		fraction = ++p;
		fraction_len = strspn(p, "0123456789");
		if (!fraction_len)
			return -EINVAL;
		p += fraction_len;
	}
	for (size_t i = 0; i < sizeof(time_units) / sizeof(time_units[0]); i++)
		if (!strcmp(p, time_units[i].name))
			unit = time_units[i].ns;
	if (!unit)
		return -EINVAL;
	if (rc || __builtin_mul_overflow(value, unit, &value) ||
	    add_fraction(fraction, fraction_len, unit, &value))
		return -ERANGE;
	*ret = value;
	return 0;
}
