/* SPDX-License-Identifier: MIT */
/*
 * Loading a YAML document that may be hostile. libyaml's loader takes time that grows with the
 * square of the nesting (0.2.5: 16 s for 64 KiB of '['), so the nesting is looked at first, as
 * events.
 *
 * A static library of its own, as core and reporters both read YAML and share nothing else.
 */
#ifndef YAMLDOC_H
#define YAMLDOC_H

#include <stddef.h>

#include <yaml.h>

#define YAMLDOC_DEPTH_MAX 32 /* sequences and mappings in one another */

/*
 * Gives a fresh `parser` the text and reads its first document, as yaml_parser_load(): 1 with *ret,
 * which yaml_document_delete() frees, or 0 with parser->error, ->problem and ->problem_mark. The
 * rest of the text has been looked at, too: more documents can be had from yaml_parser_load(). The
 * text must outlive the parser.
 */
int yamldoc_load(yaml_parser_t *parser, const char *text, size_t size, yaml_document_t *ret);

#endif
