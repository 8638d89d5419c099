// SPDX-License-Identifier: MIT
#include "yamldoc.h"

/* Line and problem are left in `parser`; 1 = the text can be loaded. */
static int look(yaml_parser_t *parser, yaml_parser_t *guard)
{
	yaml_event_type_t type = YAML_NO_EVENT;
	unsigned int depth = 0;

	while (type != YAML_STREAM_END_EVENT) {
		yaml_event_t event;

		if (!yaml_parser_parse(guard, &event))
			return 1; /* the loader will say the same, without more work */
		type = event.type;
		if (type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT)
			depth++;
		else if (type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT)
			depth--;
		if (depth > YAMLDOC_DEPTH_MAX) {
			parser->error = YAML_PARSER_ERROR;
			parser->problem = "nested too deeply";
			parser->problem_mark = event.start_mark;
		}
		yaml_event_delete(&event);
		if (depth > YAMLDOC_DEPTH_MAX)
			return 0;
	}
	return 1;
}

int yamldoc_load(yaml_parser_t *parser, const char *text, size_t size, yaml_document_t *ret)
{
	yaml_parser_t guard;
	int ok;

	if (!yaml_parser_initialize(&guard)) {
		parser->error = YAML_MEMORY_ERROR;
		return 0;
	}
	yaml_parser_set_input_string(&guard, (const unsigned char *)text, size);
	ok = look(parser, &guard);
	yaml_parser_delete(&guard);
	yaml_parser_set_input_string(parser, (const unsigned char *)text, size);
	return ok && yaml_parser_load(parser, ret);
}
