/* SPDX-License-Identifier: MIT */
/* Small things on jansson. */
#ifndef CONTAINER_JSON_H
#define CONTAINER_JSON_H

#include <jansson.h>

static inline void cleanup_json(json_t **json)
{
	json_decref(*json);
}
#define _cleanup_json_ __attribute__((cleanup(cleanup_json)))

/* A member that is a string; NULL if there is none, also for NULL. Borrowed. */
static inline const char *json_member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* The file NAME in a directory, up to SMALLFILE_MAX bytes; NULL if it cannot be read as JSON. */
json_t *json_load_small(const char *dir, const char *name);

#endif
