// SPDX-License-Identifier: MIT
/*
 * The kernel's types (BTF), as far as the programs look into them. libbpf goes through all of the
 * kernel's 150,000 types for each one that is named in the programs; so it gets a small
 * file with those alone and what is inside of them, made in one pass.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "ebpf.h"

#define FILE_MAX (256u << 20)

/* ---- the file ---- */

static bool check_header(struct types *t)
{
	const struct btf_header *head = (const void *)t->data;

	if (t->size < sizeof(*head) || head->magic != BTF_MAGIC || head->hdr_len > t->size ||
	    head->type_off > t->size - head->hdr_len ||
	    head->type_len > t->size - head->hdr_len - head->type_off ||
	    head->str_off > t->size - head->hdr_len ||
	    head->str_len > t->size - head->hdr_len - head->str_off || !head->str_len)
		return false;
	t->types = t->data + head->hdr_len + head->type_off;
	t->types_size = head->type_len;
	t->names = t->data + head->hdr_len + head->str_off;
	t->names_size = head->str_len;
	return !t->names[t->names_size - 1];
}

int types_open(struct types *t)
{
	int fd = open(EBPF_BTF_FILE, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	memset(t, 0, sizeof(*t));
	if (fd < 0 || fstat(fd, &st) || st.st_size <= 0 || st.st_size > FILE_MAX) {
		if (fd >= 0)
			close(fd);
		return -ENOENT;
	}
	t->size = (size_t)st.st_size;
	t->data = mmap(NULL, t->size, PROT_READ, MAP_PRIVATE, fd, 0); /* Linux 6.16 */
	t->mapped = t->data != MAP_FAILED;
	if (!t->mapped) {
		size_t have = 0;

		t->data = malloc(t->size);
		/* The kernel gives a page at most. */
		while (t->data && have < t->size &&
		       (n = pread(fd, t->data + have, t->size - have, (off_t)have)) > 0)
			have += (size_t)n;
		t->size = t->data ? have : 0;
	}
	close(fd);
	if (check_header(t))
		return 0;
	types_close(t);
	return -EBADMSG;
}

void types_close(struct types *t)
{
	if (t->mapped)
		munmap(t->data, t->size);
	else
		free(t->data);
	memset(t, 0, sizeof(*t));
}

/* Each name in it begins and ends with a NUL. Looking at types as well would take longer. */
bool types_named(const struct types *t, const char *nul_name, size_t size)
{
	return t->names && memmem(t->names, t->names_size, nul_name, size);
}

/* Bytes of a type, 0 for one that is not known. */
static size_t type_size(const struct btf_type *type)
{
	size_t n = btf_vlen(type);

	switch (btf_kind(type)) {
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return sizeof(*type);
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(*type) + sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(*type) + sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return sizeof(*type) + n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return sizeof(*type) + n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return sizeof(*type) + n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return sizeof(*type) + n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return sizeof(*type) + n * sizeof(struct btf_var_secinfo);
	default:
		return 0;
	}
}

uint32_t types_struct(const struct types *t, const char *name)
{
	uint32_t id = 1;

	for (size_t at = 0; t->types_size - at >= sizeof(struct btf_type); id++) {
		const struct btf_type *type = (const void *)(t->types + at);
		size_t size = type_size(type);

		if (!size || size > t->types_size - at || type->name_off >= t->names_size)
			break;
		if (btf_is_struct(type) && strcmp(t->names + type->name_off, name) == 0)
			return id;
		at += size;
	}
	return 0;
}

/* ---- the small one ---- */

#define WANTED_ROOM 1024 /* power of two; the programs know about 80 */

struct name {
	const char *text; /* NULL: free */
	size_t len;
	unsigned int kind;
};

struct small {
	const struct types *from;
	const struct btf *wanted;              /* of the programs */
	struct name names_wanted[WANTED_ROOM]; /* by hash */
	uint32_t *offsets;                     /* of all types, by id */
	uint32_t *ids;                         /* new id by old one; 0: left out */
	uint32_t *taken;                       /* old ids in new order */
	uint32_t count, taken_count;
	uint32_t done; /* of taken[]: their parts are taken, too */
	char *types, *names;
	size_t types_size, names_size, names_room;
};

/* Whether a kind's fields can be asked for. */
static bool has_fields(const struct btf_type *type)
{
	return btf_is_struct(type) || btf_is_union(type) || btf_is_typedef(type);
}

static const struct btf_type *type_at(const struct small *s, uint32_t id)
{
	return (const void *)(s->from->types + s->offsets[id]);
}

static void take(struct small *s, uint32_t id)
{
	if (!id || id > s->count || s->ids[id])
		return;
	s->taken[s->taken_count++] = id;
	s->ids[id] = s->taken_count;
}

/* Without the ending that keeps forms of one type apart in C ("___old"). */
static size_t plain_length(const char *name)
{
	const char *end = strstr(name, "___");

	return end ? (size_t)(end - name) : strlen(name);
}

/* Where a name is, or could be put. */
static struct name *find_name(struct small *s, const char *text, size_t len, unsigned int kind)
{
	uint32_t hash = 2166136261u + kind;
	struct name *name;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 16777619u;
	for (;; hash++) {
		name = &s->names_wanted[(hash ^ hash >> 16) & (WANTED_ROOM - 1)];
		if (!name->text ||
		    (name->len == len && name->kind == kind && memcmp(name->text, text, len) == 0))
			return name;
	}
}

static int note_wanted(struct small *s)
{
	unsigned int count = 0;

	for (uint32_t id = 1; id < btf__type_cnt(s->wanted); id++) {
		const struct btf_type *type = btf__type_by_id(s->wanted, id);
		const char *text = btf__name_by_offset(s->wanted, type->name_off);
		size_t len = text && has_fields(type) ? plain_length(text) : 0;

		if (!len)
			continue;
		if (++count > WANTED_ROOM / 2)
			return -E2BIG;
		*find_name(s, text, len, btf_kind(type)) = (struct name){text, len, btf_kind(type)};
	}
	return 0;
}

static bool is_wanted(struct small *s, const char *text, unsigned int kind)
{
	return find_name(s, text, strlen(text), kind)->text != NULL;
}

/* Finds where each type is, and takes those of the wanted names. */
static int scan(struct small *s)
{
	const struct types *from = s->from;
	size_t at = 0, room = from->types_size / sizeof(struct btf_type) + 1;

	s->offsets = calloc(room + 1, sizeof(*s->offsets));
	if (!s->offsets)
		return -ENOMEM;
	while (from->types_size - at >= sizeof(struct btf_type)) {
		const struct btf_type *type = (const void *)(from->types + at);
		size_t size = type_size(type);

		if (!size || size > from->types_size - at || type->name_off >= from->names_size)
			return -EBADMSG; /* newer than this code */
		s->offsets[++s->count] = (uint32_t)at;
		at += size;
	}
	s->ids = calloc(s->count + 1, sizeof(*s->ids));
	s->taken = calloc(s->count + 1, sizeof(*s->taken));
	if (!s->ids || !s->taken)
		return -ENOMEM;
	for (uint32_t id = 1; id <= s->count; id++) {
		const struct btf_type *type = type_at(s, id);

		if (type->name_off && has_fields(type) &&
		    is_wanted(s, from->names + type->name_off, btf_kind(type)))
			take(s, id);
	}
	return 0;
}

/* What lies inside of the types that are taken. A pointer is one, whatever it points to. */
static void take_parts(struct small *s)
{
	for (; s->done < s->taken_count; s->done++) {
		const struct btf_type *type = type_at(s, s->taken[s->done]);

		if (btf_is_array(type)) {
			take(s, btf_array(type)->type);
			take(s, btf_array(type)->index_type);
		} else if (btf_is_composite(type)) {
			for (unsigned int i = 0; i < btf_vlen(type); i++)
				take(s, btf_members(type)[i].type);
		} else if (btf_is_typedef(type) || btf_is_mod(type) || btf_is_type_tag(type)) {
			take(s, type->type);
		}
	}
}

static uint32_t new_id(const struct small *s, uint32_t id)
{
	return id <= s->count ? s->ids[id] : 0;
}

static uint32_t add_name(struct small *s, uint32_t offset)
{
	const char *name = offset < s->from->names_size ? s->from->names + offset : "";
	size_t len = strlen(name) + 1, at = s->names_size;

	if (len == 1 || len > s->names_room - at)
		return 0;
	memcpy(s->names + at, name, len);
	s->names_size += len;
	return (uint32_t)at;
}

/* Copies one type, with its own numbers of types and names. */
static void put(struct small *s, const struct btf_type *from)
{
	struct btf_type *type = (void *)(s->types + s->types_size);
	size_t size = type_size(from);

	memcpy(type, from, size);
	s->types_size += size;
	type->name_off = add_name(s, from->name_off);
	if (btf_is_ptr(type)) {
		type->type = 0;
	} else if (btf_is_array(type)) {
		btf_array(type)->type = new_id(s, btf_array(from)->type);
		btf_array(type)->index_type = new_id(s, btf_array(from)->index_type);
	} else if (btf_is_composite(type)) {
		for (unsigned int i = 0; i < btf_vlen(type); i++) {
			struct btf_member *member = btf_members(type) + i;

			member->name_off = add_name(s, member->name_off);
			member->type = new_id(s, member->type);
		}
	} else if (btf_is_typedef(type) || btf_is_mod(type) || btf_is_type_tag(type)) {
		type->type = new_id(s, from->type);
	} else if (btf_is_any_enum(type)) { /* nobody asks for its values */
		type->info &= ~0xffffu;
		s->types_size -= size - sizeof(*type);
	}
}

/* How much room its names need. */
static size_t names_of(const struct small *s, const struct btf_type *type)
{
	const struct types *from = s->from;
	size_t size = strlen(from->names + type->name_off) + 1;

	for (unsigned int i = 0; btf_is_composite(type) && i < btf_vlen(type); i++)
		if (btf_members(type)[i].name_off < from->names_size)
			size += strlen(from->names + btf_members(type)[i].name_off) + 1;
	return size;
}

static int put_all(struct small *s)
{
	size_t size = 0;

	s->names_room = 1;
	for (uint32_t i = 0; i < s->taken_count; i++) {
		size += type_size(type_at(s, s->taken[i]));
		s->names_room += names_of(s, type_at(s, s->taken[i]));
	}
	s->types = malloc(size + 1);
	s->names = malloc(s->names_room);
	if (!s->types || !s->names)
		return -ENOMEM;
	s->names[s->names_size++] = 0;
	for (uint32_t i = 0; i < s->taken_count; i++)
		put(s, type_at(s, s->taken[i]));
	return 0;
}

static int write_all(int fd, const void *data, size_t size)
{
	return write(fd, data, size) == (ssize_t)size ? 0 : -EIO;
}

static int store(const struct small *s, int fd)
{
	struct btf_header head = {
		.magic = BTF_MAGIC,
		.version = BTF_VERSION,
		.hdr_len = sizeof(head),
		.type_len = (uint32_t)s->types_size,
		.str_off = (uint32_t)s->types_size,
		.str_len = (uint32_t)s->names_size,
	};
	int rc = write_all(fd, &head, sizeof(head));

	if (!rc)
		rc = write_all(fd, s->types, s->types_size);
	return rc ? rc : write_all(fd, s->names, s->names_size);
}

int types_store(const struct types *t, const struct btf *programs, int fd)
{
	struct small s = {.from = t, .wanted = programs};
	int rc;

	rc = t->data ? note_wanted(&s) : -ENOENT;
	if (!rc)
		rc = scan(&s);
	if (!rc) {
		take_parts(&s);
		rc = put_all(&s);
	}
	if (!rc)
		rc = store(&s, fd);
	free(s.offsets);
	free(s.ids);
	free(s.taken);
	free(s.types);
	free(s.names);
	return rc;
}
