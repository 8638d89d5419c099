// SPDX-License-Identifier: MIT
/* The conf files of all directories of the search path. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin/conf.h"
#include "plugin/place.h"
#include "util/cleanup.h"
#include "util/suggest.h"

#define DIRS_MAX  64
#define FILES_MAX 1024

struct plugin_registry {
	char *dirs[DIRS_MAX]; /* plugins.d directories, later ones override */
	size_t dir_count;
	char *libdirs[3]; /* where relative modules are looked for, too; NULL-terminated */
	char **files;     /* conf files by file name, each name once */
	size_t file_count;
	struct plugin_conf **confs;
	size_t conf_count;
	struct plugin_bad_conf *bad;
	size_t bad_count;
};

static const char *const kinds[] = {"?", "backend", "sink", "reporter"};

const char *kind_name(enum tkit_kind kind)
{
	return (unsigned int)kind <= TKIT_KIND_REPORTER ? kinds[kind] : kinds[0];
}

enum tkit_kind kind_parse(const char *name)
{
	for (int i = TKIT_KIND_BACKEND; i <= TKIT_KIND_REPORTER; i++)
		if (!strcmp(name, kinds[i]))
			return (enum tkit_kind)i;
	return 0;
}

static int add_dir(struct plugin_registry *registry, const char *dir, struct err *err)
{
	_cleanup_free_ char *real = realpath(dir, NULL);

	if (!real)
		return 0; /* not there: nothing to read */
	for (size_t i = 0; i < registry->dir_count; i++) {
		if (strcmp(registry->dirs[i], real))
			continue;
		/* Named again: it counts in the later place. */
		free(registry->dirs[i]);
		memmove(&registry->dirs[i], &registry->dirs[i + 1],
			(--registry->dir_count - i) * sizeof(registry->dirs[0]));
		break;
	}
	if (registry->dir_count == DIRS_MAX)
		return err_set(err, -E2BIG, "more than %d plugins.d directories", DIRS_MAX);
	registry->dirs[registry->dir_count++] = TAKE_PTR(real);
	return 0;
}

static int add_beside(struct plugin_registry *registry, const char *path, const char *tail,
		      struct err *err)
{
	_cleanup_free_ char *dir = place_beside(path, tail);

	return dir ? add_dir(registry, dir, err) : err_sys(err, -ENOMEM, "%s", path);
}

static int add_env(struct plugin_registry *registry, struct err *err)
{
	const char *env = secure_getenv("TKIT_PLUGINS_D");
	_cleanup_free_ char *copy = env ? strdup(env) : NULL;
	char *rest = copy;
	int rc = 0;

	if (env && !copy)
		return err_sys(err, -ENOMEM, "TKIT_PLUGINS_D");
	for (char *dir; rc == 0 && (dir = strsep(&rest, ":"));)
		if (*dir)
			rc = add_dir(registry, dir, err);
	return rc;
}

static int search_path(struct plugin_registry *registry, struct err *err)
{
	char own[PATH_MAX], exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int rc = 0;

	exe[n > 0 ? n : 0] = '\0';
	place_own(own);
	registry->libdirs[0] = own[0] ? place_beside(own, "tkit") : strdup(TKIT_LIBDIR);
	registry->libdirs[1] = own[0] ? strdup(TKIT_LIBDIR) : NULL;
	/* One tree's plugins only: those installed beside libtkit, wherever the tree was moved to,
	 */
	if (own[0])
		rc = add_beside(registry, own, "tkit/plugins.d", err);
	if (rc == 0 && registry->dir_count)
		rc = add_beside(registry, own, TKIT_LIB_TO_ETC "/tkit/plugins.d", err);
	/* or a build tree's, */
	if (rc == 0 && !registry->dir_count && own[0])
		rc = add_beside(registry, own, "../plugins.d", err);
	if (rc == 0 && !registry->dir_count && exe[0])
		rc = add_beside(registry, exe, "plugins.d", err);
	/* or those of the place that tkit was made for. */
	if (rc == 0 && !registry->dir_count)
		rc = add_dir(registry, TKIT_LIBDIR "/plugins.d", err);
	if (rc == 0)
		rc = add_dir(registry, TKIT_SYSCONFDIR "/plugins.d", err);
	return rc ? rc : add_env(registry, err);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Takes `file` over; it replaces one with the same file name. */
static int add_file(struct plugin_registry *registry, char *file, struct err *err)
{
	char **grown;

	for (size_t i = 0; i < registry->file_count; i++) {
		if (strcmp(base_name(registry->files[i]), base_name(file)))
			continue;
		free(registry->files[i]);
		registry->files[i] = file;
		return 0;
	}
	grown = registry->file_count < FILES_MAX
			? realloc(registry->files, (registry->file_count + 1) * sizeof(*grown))
			: NULL;
	if (!grown) {
		int rc = registry->file_count < FILES_MAX
				 ? err_sys(err, -ENOMEM, "%s", file)
				 : err_set(err, -E2BIG, "%s: more than %d conf files", file,
					   FILES_MAX);
		free(file);
		return rc;
	}
	registry->files = grown;
	registry->files[registry->file_count++] = file;
	return 0;
}

static int list_dir(struct plugin_registry *registry, const char *dir, struct err *err)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	struct dirent *entry;
	int rc = 0;

	if (!d)
		return 0; /* not a directory or not ours to read: registry_find() will miss it */
	while (rc == 0 && (entry = readdir(d))) {
		size_t len = strlen(entry->d_name);
		char *file;

		if (entry->d_name[0] == '.' || len < 6 || strcmp(entry->d_name + len - 5, ".yaml"))
			continue;
		if (asprintf(&file, "%s/%s", dir, entry->d_name) < 0)
			return err_sys(err, -ENOMEM, "%s", dir);
		rc = add_file(registry, file, err);
	}
	return rc;
}

/* NN-NAME.yaml is about NAME. */
static char *guess_name(const char *file)
{
	const char *name = base_name(file);
	size_t number = strspn(name, "0123456789");

	if (number && name[number] == '-')
		name += number + 1;
	return strndup(name, strlen(name) - strlen(".yaml"));
}

static int add_bad(struct plugin_registry *registry, const char *file, enum tkit_kind kind,
		   char *name, const char *text)
{
	struct plugin_bad_conf *grown =
		realloc(registry->bad, (registry->bad_count + 1) * sizeof(*grown));

	if (!grown) {
		free(name);
		return -ENOMEM;
	}
	registry->bad = grown;
	grown[registry->bad_count++] = (struct plugin_bad_conf){
		.file = strdup(file),
		.text = strdup(text),
		.kind = kind,
		.name = name ? name : guess_name(file),
	};
	grown = &registry->bad[registry->bad_count - 1];
	return grown->file && grown->text && grown->name ? 0 : -ENOMEM;
}

static const struct plugin_conf *lookup(const struct plugin_registry *registry, enum tkit_kind kind,
					const char *name)
{
	for (size_t i = 0; i < registry->conf_count; i++)
		if (registry->confs[i]->kind == kind && !strcmp(registry->confs[i]->name, name))
			return registry->confs[i];
	return NULL;
}

static int read_file(struct plugin_registry *registry, const char *file)
{
	const struct plugin_conf *other;
	struct plugin_conf *conf = NULL;
	struct err err = ERR_INIT;
	enum tkit_kind kind;
	char *name;
	int rc = conf_read(file, (const char *const *)registry->libdirs, &conf, &kind, &name, &err);

	if (rc == -ENOMEM) {
		free(name);
	} else if (rc) {
		rc = add_bad(registry, file, kind, name, err_text(&err));
	} else if ((other = lookup(registry, conf->kind, conf->name))) {
		err_set(&err, -EEXIST,
			"%s: %s '%s' is in %s, too; to override a file, use its file name", file,
			kind_name(conf->kind), conf->name, other->file);
		rc = add_bad(registry, file, conf->kind, strdup(conf->name), err_text(&err));
		conf_free(conf);
	} else {
		registry->confs[registry->conf_count++] = conf;
	}
	err_done(&err);
	return rc;
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(base_name(*(char *const *)a), base_name(*(char *const *)b));
}

static int compare_confs(const void *a, const void *b)
{
	const struct plugin_conf *x = *(struct plugin_conf *const *)a;
	const struct plugin_conf *y = *(struct plugin_conf *const *)b;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name, y->name);
}

int registry_new(struct plugin_registry **ret_registry, struct err *err)
{
	struct plugin_registry *registry = calloc(1, sizeof(*registry));
	int rc = registry ? search_path(registry, err) : err_sys(err, -ENOMEM, "plugins");

	for (size_t i = 0; rc == 0 && i < registry->dir_count; i++)
		rc = list_dir(registry, registry->dirs[i], err);
	if (rc == 0) {
		registry->confs = calloc(registry->file_count + 1, sizeof(struct plugin_conf *));
		if (!registry->confs)
			rc = err_sys(err, -ENOMEM, "plugins");
	}
	if (rc == 0 && registry->file_count)
		qsort(registry->files, registry->file_count, sizeof(char *), compare_files);
	for (size_t i = 0; rc == 0 && i < registry->file_count; i++) {
		rc = read_file(registry, registry->files[i]);
		if (rc)
			err_sys(err, rc, "%s", registry->files[i]);
	}
	if (rc) {
		registry_free(registry);
		return rc;
	}
	qsort(registry->confs, registry->conf_count, sizeof(struct plugin_conf *), compare_confs);
	*ret_registry = registry;
	return 0;
}

void registry_free(struct plugin_registry *registry)
{
	if (!registry)
		return;
	for (size_t i = 0; i < registry->dir_count; i++)
		free(registry->dirs[i]);
	for (size_t i = 0; i < 3; i++)
		free(registry->libdirs[i]);
	for (size_t i = 0; i < registry->file_count; i++)
		free(registry->files[i]);
	for (size_t i = 0; i < registry->conf_count; i++)
		conf_free(registry->confs[i]);
	for (size_t i = 0; i < registry->bad_count; i++) {
		free(registry->bad[i].file);
		free(registry->bad[i].text);
		free(registry->bad[i].name);
	}
	free(registry->files);
	free(registry->confs);
	free(registry->bad);
	free(registry);
}

size_t registry_count(const struct plugin_registry *registry)
{
	return registry->conf_count;
}

const struct plugin_conf *registry_get(const struct plugin_registry *registry, size_t index)
{
	return index < registry->conf_count ? registry->confs[index] : NULL;
}

size_t registry_bad_count(const struct plugin_registry *registry)
{
	return registry->bad_count;
}

const struct plugin_bad_conf *registry_bad(const struct plugin_registry *registry, size_t index)
{
	return index < registry->bad_count ? &registry->bad[index] : NULL;
}

/* No such plugin: the most helpful words. */
static int not_found(struct plugin_registry *registry, enum tkit_kind kind, const char *name,
		     struct err *err)
{
	const char *kind_text = kind_name(kind), *near;
	const char **names = calloc(registry->conf_count + 1, sizeof(char *));
	size_t count = 0;

	if (!names)
		return err_sys(err, -ENOMEM, "%s '%s'", kind_text, name);
	for (size_t i = 0; i < registry->conf_count; i++)
		if (registry->confs[i]->kind == kind)
			names[count++] = registry->confs[i]->name;
	near = suggest(name, names, count);
	free(names);
	if (near)
		return err_set(err, -ENOENT, "unknown %s '%s'; did you mean '%s'?", kind_text, name,
			       near);
	if (!count)
		return err_set(err, -ENOENT,
			       "unknown %s '%s': no %s is installed (is TKIT_PLUGINS_D right?)",
			       kind_text, name, kind_text);
	return err_set(err, -ENOENT, "unknown %s '%s' (see `tkit plugin list`)", kind_text, name);
}

int registry_find(struct plugin_registry *registry, enum tkit_kind kind, const char *name,
		  const struct plugin_conf **ret_conf, struct err *err)
{
	const struct plugin_conf *conf = lookup(registry, kind, name);

	if (conf) {
		*ret_conf = conf;
		return 0;
	}
	for (size_t i = 0; i < registry->bad_count; i++) {
		const struct plugin_bad_conf *bad = &registry->bad[i];

		if ((!bad->kind || bad->kind == kind) && !strcmp(bad->name, name))
			return err_set(err, -EINVAL, "%s", bad->text);
	}
	return not_found(registry, kind, name, err);
}
