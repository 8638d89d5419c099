/* SPDX-License-Identifier: MIT */
/*
 * `tkit plugin check`: everything that can be wrong with a module, each with a stable ID.
 * The loader stops at the first of those up to PC025; check goes on as far as it can.
 */
#ifndef PLUGIN_CHECK_H
#define PLUGIN_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <tkit/plugin.h>

#include "plugin/loader.h"

#define CHECK_FILE      "PC001" /* cannot be read, no regular file */
#define CHECK_TRUST     "PC002" /* someone else can write it (with privileges only) */
#define CHECK_ELF       "PC003" /* no ELF shared object of this machine */
#define CHECK_DLOPEN    "PC004" /* the dynamic linker refuses it */
#define CHECK_SYMBOL    "PC005" /* exports no descriptor */
#define CHECK_MAGIC     "PC006" /* what it exports is no descriptor */
#define CHECK_ABI       "PC007" /* another major ABI version */
#define CHECK_SIZES     "PC008" /* sizes or tables that cannot be */
#define CHECK_NEWER     "PC009" /* uses what this tkit does not know */
#define CHECK_KIND      "PC010" /* unknown kind */
#define CHECK_NAME      "PC011" /* bad name */
#define CHECK_MANDATORY "PC012" /* mandatory callbacks are missing */
#define CHECK_OPT_NAME  "PC020" /* bad name of an option, or twice the same */
#define CHECK_OPT_TYPE  "PC021" /* unknown type */
#define CHECK_OPT_PLACE "PC022" /* outside of the options struct, or misaligned */
#define CHECK_OPT_LAP   "PC023" /* two options share bytes */
#define CHECK_OPT_RANGE "PC024" /* bad range */
#define CHECK_OPT_VALUE "PC025" /* the default does not parse */
#define CHECK_OPT_HELP  "PC026" /* no help, or more than a line */
#define CHECK_EXPORTS   "PC030" /* exports more than the descriptor */
#define CHECK_TEXT      "PC031" /* no version, summary or licence, or not a line of UTF-8 */
#define CHECK_CAPS      "PC032" /* capability bits without a meaning, or no target */
#define CHECK_FILENAME  "PC033" /* file name is not KIND-NAME.so */
#define CHECK_STACK     "PC034" /* wants an executable stack */
#define CHECK_CONF      "PC040" /* no conf in plugins.d names it, or a bad one does */
#define CHECK_DEFAULTS  "PC041" /* the conf's defaults are not valid */

/* Gets each finding: its ID and one line of text without a line feed. */
typedef void (*check_fn)(void *arg, const char *id, const char *text);

/*
 * Checks the module `file`. Calls fn for each finding. Returns their number or -errno when
 * the check itself failed. `registry` may be NULL: then confs are not looked at.
 */
int check_file(const char *file, struct plugin_registry *registry, check_fn fn, void *arg,
	       struct err *err);

/* UTF-8 without control bytes: can be shown as it is. */
bool text_printable(const char *text);

/* The part on the option table. `desc` as in struct plugin. Returns the number of findings. */
int check_options(const struct tkit_plugin *desc, check_fn fn, void *arg);

#endif
