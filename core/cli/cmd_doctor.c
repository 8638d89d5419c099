// SPDX-License-Identifier: MIT
/* tkit doctor: what can run here, and if not, why and what helps. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/print.h"
#include "plugin/caps.h"
#include "plugin/probe.h"
#include "util/cleanup.h"

#define TARGETS (TKIT_TARGET_ALL + 1)

/* The answer of one backend for one kind of target. */
struct verdict {
	bool asked; /* the backend names this kind of target */
	int rank;   /* > 0: it can */
	char *why;  /* it cannot */
};

struct patient {
	const struct plugin_conf *conf;
	const struct plugin *plugin; /* NULL: `error` */
	char *error;
	struct verdict verdicts[TARGETS];
	struct probe_told told; /* by what means it works here */
};

struct doctor {
	struct plugin_registry *registry;
	struct patient *patients;
	size_t count;
	const char *best[TARGETS]; /* what --backend auto takes; NULL: none */
	int best_rank[TARGETS];
};

static void examine(struct doctor *doctor, struct patient *patient)
{
	struct plugin_options *options = NULL;
	struct err err = ERR_INIT;

	if (plugin_load(patient->conf, &patient->plugin, &err) ||
	    plugin_options_new(patient->plugin, NULL, &options, &err)) {
		patient->plugin = NULL;
		patient->error = strdup(err_text(&err));
		err_done(&err);
		return;
	}
	for (int kind = 0; kind < TARGETS; kind++) {
		struct verdict *verdict = &patient->verdicts[kind];
		struct probe_told told;

		verdict->asked = backend_caps(patient->plugin, options) &
				 target_cap((enum tkit_target_kind)kind);
		if (!verdict->asked)
			continue;
		verdict->rank = probe_kind_told(patient->plugin, options,
						(enum tkit_target_kind)kind, &told, &err);
		if (verdict->rank > 0) {
			free(patient->told.facilities);
			patient->told = told;
		}
		if (verdict->rank < 0)
			verdict->why = strdup(err_text(&err));
		err_done(&err);
		/* As run does it: what makes events by itself is never chosen. */
		if (!patient->verdicts[TKIT_TARGET_NONE].asked &&
		    verdict->rank > doctor->best_rank[kind]) {
			doctor->best_rank[kind] = verdict->rank;
			doctor->best[kind] = patient->conf->name;
		}
	}
	plugin_options_free(options);
}

/* The targets with the same verdict as `first` in one list: "command, pid". */
static void targets_text(struct buf *out, const struct patient *patient, int first)
{
	const struct verdict *model = &patient->verdicts[first];
	const char *between = "";

	for (int kind = first; kind < TARGETS; kind++) {
		const struct verdict *v = &patient->verdicts[kind];

		if (!v->asked || (v->rank > 0) != (model->rank > 0))
			continue;
		if (v->rank <= 0 && v->why && model->why && strcmp(v->why, model->why))
			continue;
		buf_printf(out, "%s%s", between,
			   kind == TKIT_TARGET_NONE ? "events of its own"
						    : target_name((enum tkit_target_kind)kind));
		between = ", ";
	}
}

/* Was this verdict said already, with that of an earlier target? */
static bool said_before(const struct patient *patient, int kind)
{
	const struct verdict *v = &patient->verdicts[kind];

	for (int i = 0; i < kind; i++) {
		const struct verdict *other = &patient->verdicts[i];

		if (!other->asked || (other->rank > 0) != (v->rank > 0))
			continue;
		if (v->rank > 0 || !v->why || !other->why || !strcmp(other->why, v->why))
			return true;
	}
	return false;
}

static void patient_text(struct buf *out, const struct patient *patient)
{
	const char *label = patient->conf->name;

	if (patient->error) {
		print_label(out, label);
		buf_str(out, "not usable: ");
		print_text(out, patient->error);
		buf_char(out, '\n');
		return;
	}
	for (int kind = 0; kind < TARGETS; kind++) {
		const struct verdict *v = &patient->verdicts[kind];

		if (!v->asked || said_before(patient, kind))
			continue;
		print_label(out, label);
		label = "";
		buf_str(out, v->rank > 0 ? "can: " : "cannot: ");
		targets_text(out, patient, kind);
		if (v->rank <= 0) {
			buf_str(out, ": ");
			print_text(out, v->why ? v->why : "no reason given");
		}
		buf_char(out, '\n');
	}
	if (patient->told.facilities) {
		print_label(out, "");
		buf_str(out, "by means of: ");
		print_text(out, patient->told.facilities);
		buf_char(out, '\n');
	}
}

/* Can it be used for what most people want: a command, or, for an import, at all? */
static bool usable(const struct patient *patient)
{
	const struct verdict *v = patient->verdicts;

	return v[v[TKIT_TARGET_COMMAND].asked ? TKIT_TARGET_COMMAND : TKIT_TARGET_NONE].rank > 0;
}

/* The reason that goes with usable(); NULL if it is. */
static const char *why_not(const struct patient *patient)
{
	const struct verdict *v = patient->verdicts;
	const char *why =
		v[v[TKIT_TARGET_COMMAND].asked ? TKIT_TARGET_COMMAND : TKIT_TARGET_NONE].why;

	if (usable(patient))
		return NULL;
	if (patient->error)
		return patient->error;
	return why ? why : "it cannot watch a command";
}

static void json_caps(struct buf *out, const struct plugin *plugin, uint64_t without)
{
	json_key(out, "capabilities");
	buf_char(out, '[');
	if (plugin && plugin->desc.caps & ~without) {
		buf_char(out, '"');
		caps_text(out, TKIT_KIND_BACKEND, plugin->desc.caps & ~without, "\",\"");
		buf_char(out, '"');
	}
	buf_char(out, ']');
}

static void patient_json(struct buf *out, const struct patient *patient)
{
	json_item(out);
	buf_char(out, '{');
	json_str(out, "name", patient->conf->name);
	json_str(out, "version", patient->plugin ? patient->plugin->desc.version : NULL);
	json_bool(out, "ok", usable(patient));
	json_str(out, "why", why_not(patient));
	json_caps(out, patient->plugin, patient->told.without);
	json_str(out, "facilities", patient->told.facilities);
	json_key(out, "targets");
	buf_char(out, '{');
	for (int kind = 0; kind < TARGETS; kind++) {
		const struct verdict *v = &patient->verdicts[kind];

		if (!v->asked)
			continue;
		json_key(out, target_name((enum tkit_target_kind)kind));
		buf_char(out, '{');
		json_bool(out, "ok", v->rank > 0);
		if (v->rank > 0)
			json_int(out, "rank", v->rank);
		else
			json_str(out, "reason", v->why);
		buf_char(out, '}');
	}
	buf_str(out, "}}");
}

static void report_text(struct buf *out, const struct doctor *doctor)
{
	buf_str(out, "Backends (what each can watch here)\n");
	for (size_t i = 0; i < doctor->count; i++)
		patient_text(out, &doctor->patients[i]);
	if (!doctor->count)
		buf_str(out, "  none is installed (is TKIT_PLUGINS_D right?)\n");
	for (size_t i = 0; i < registry_bad_count(doctor->registry); i++) {
		print_label(out, "(bad conf)");
		print_text(out, registry_bad(doctor->registry, i)->text);
		buf_char(out, '\n');
	}
	buf_str(out, "\nTaken by --backend auto\n");
	for (int kind = TKIT_TARGET_COMMAND; kind < TARGETS; kind++) {
		print_label(out, target_name((enum tkit_target_kind)kind));
		buf_printf(out, "%s\n", doctor->best[kind] ? doctor->best[kind] : "none");
	}
	buf_str(out, "\nThis host\n");
	doctor_host(out, false);
}

static void report_json(struct buf *out, const struct doctor *doctor)
{
	buf_char(out, '{');
	json_str(out, "version", tkit_version());
	json_key(out, "backends");
	buf_char(out, '[');
	for (size_t i = 0; i < doctor->count; i++)
		patient_json(out, &doctor->patients[i]);
	buf_char(out, ']');
	json_key(out, "bad");
	buf_char(out, '[');
	for (size_t i = 0; i < registry_bad_count(doctor->registry); i++) {
		json_item(out);
		buf_char(out, '{');
		json_str(out, "conf", registry_bad(doctor->registry, i)->file);
		json_str(out, "error", registry_bad(doctor->registry, i)->text);
		buf_char(out, '}');
	}
	buf_char(out, ']');
	json_key(out, "auto");
	buf_char(out, '{');
	for (int kind = TKIT_TARGET_COMMAND; kind < TARGETS; kind++)
		json_str(out, target_name((enum tkit_target_kind)kind), doctor->best[kind]);
	buf_char(out, '}');
	json_key(out, "host");
	buf_char(out, '{');
	doctor_host(out, true);
	buf_str(out, "}}\n");
}

static int consult(struct plugin_registry *registry, bool json)
{
	struct doctor doctor = {.registry = registry};
	struct buf out = BUF_INIT;
	bool healthy;

	doctor.patients = calloc(registry_count(registry) + 1, sizeof(*doctor.patients));
	if (!doctor.patients)
		return CLI_FAILED;
	for (size_t i = 0; i < registry_count(registry); i++) {
		const struct plugin_conf *conf = registry_get(registry, i);

		if (conf->kind != TKIT_KIND_BACKEND)
			continue;
		doctor.patients[doctor.count].conf = conf;
		examine(&doctor, &doctor.patients[doctor.count++]);
	}
	(json ? report_json : report_text)(&out, &doctor);
	healthy = doctor.best[TKIT_TARGET_COMMAND] != NULL;
	for (size_t i = 0; i < doctor.count; i++) {
		free(doctor.patients[i].error);
		free(doctor.patients[i].told.facilities);
		for (int kind = 0; kind < TARGETS; kind++)
			free(doctor.patients[i].verdicts[kind].why);
	}
	free(doctor.patients);
	if (print_out(&out))
		return CLI_FAILED;
	return healthy ? 0 : 1;
}

static int run_command(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{NULL, 0, NULL, 0},
	};
	struct plugin_registry *registry;
	struct err err = ERR_INIT;
	bool json = false;
	int rc;

	opterr = 0;
	optind = 0;
	for (int c; (c = getopt_long(argc, argv, "+:", options, NULL)) != -1;) {
		if (c != 'j')
			return cli_usage(&cmd_doctor, "unknown option '%s'", argv[optind - 1]);
		json = true;
	}
	if (optind < argc)
		return cli_usage(&cmd_doctor, "unexpected argument '%s'", argv[optind]);
	if (registry_new(&registry, &err)) {
		rc = cli_error(&err);
		err_done(&err);
		return rc;
	}
	rc = consult(registry, json);
	registry_free(registry);
	return rc;
}

static const char help[] =
	"Usage: tkit doctor [--json]\n"
	"\n"
	"Tells what tkit can do on this host. For each backend: the targets that it can watch\n"
	"here and now, and for the others why it cannot and what would help. Then the backend\n"
	"that `tkit run --backend auto` takes for each kind of target, and the facts about this\n"
	"host on which all that depends: kernel, kernel types (BTF), capabilities of this\n"
	"process, limits on ptrace and seccomp, container tools.\n"
	"\n"
	"Kinds of target:\n"
	"  command  a command that tkit starts\n"
	"  pid      a running process and its descendants\n"
	"  cgroup   everything in a cgroup\n"
	"  all      the whole host\n"
	"  none     no target: the backend makes or imports events of its own\n"
	"\n"
	"Run it as the user who will trace: many answers differ for root. Nothing is changed.\n"
	"\n"
	"Options:\n"
	"      --json  print one JSON object\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit status: 0 if some backend can watch a command here, 1 if none can, 125 if tkit\n"
	"itself failed.\n";

const struct cli_command cmd_doctor = {
	.name = "doctor",
	.summary = "what can run here, and if not, why and what helps",
	.help = help,
	.run = run_command,
};
