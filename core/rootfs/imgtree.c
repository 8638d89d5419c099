// SPDX-License-Identifier: MIT
#include "rootfs/imgtree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "util/bytes.h"

#define HEADS_MIN 1024u

int imgtree_init(struct imgtree *tree, uint32_t max_entries, uint32_t max_texts)
{
	static const struct imgtree_inode top = {.mode = S_IFDIR | 0755, .nlink = 1};

	*tree = (struct imgtree){.max_entries = max_entries, .max_texts = max_texts};
	if (getrandom(&tree->seed, sizeof(tree->seed), GRND_NONBLOCK) < 0)
		tree->seed = (uintptr_t)tree;
	tree->heads = malloc(HEADS_MIN * sizeof(*tree->heads));
	tree->nodes = calloc(16, sizeof(*tree->nodes));
	tree->inodes = calloc(16, sizeof(*tree->inodes));
	if (!tree->heads || !tree->nodes || !tree->inodes) {
		imgtree_done(tree);
		return -ENOMEM;
	}
	memset(tree->heads, 0xff, HEADS_MIN * sizeof(*tree->heads));
	tree->head_count = HEADS_MIN;
	tree->node_room = tree->inode_room = 16;
	tree->node_count = tree->inode_count = 1;
	tree->inodes[0] = top;
	tree->nodes[0] = (struct imgtree_node){
		.chain = IMGTREE_NONE, .sibling = IMGTREE_NONE, .child = IMGTREE_NONE};
	return 0;
}

void imgtree_done(struct imgtree *tree)
{
	free(tree->heads);
	free(tree->nodes);
	free(tree->inodes);
	buf_done(&tree->texts);
	*tree = (struct imgtree){0};
}

int imgtree_text(struct imgtree *tree, const void *data, size_t size, uint32_t *ret_at)
{
	if (size > tree->max_texts || tree->texts.size > tree->max_texts - size)
		return -EDQUOT;
	*ret_at = (uint32_t)tree->texts.size;
	buf_add(&tree->texts, data, size);
	return tree->texts.failed ? -ENOMEM : 0;
}

/* Makes room for one more in an array. */
static int grow(void *array, uint32_t count, uint32_t *room, size_t size)
{
	void **at = array, *grown;
	uint32_t want = *room + *room / 2;

	if (count < *room)
		return 0;
	grown = reallocarray(*at, want, size);
	if (!grown)
		return -ENOMEM;
	*at = grown;
	*room = want;
	return 0;
}

int imgtree_inode_add(struct imgtree *tree, const struct imgtree_inode *inode, uint32_t *ret_id)
{
	if (tree->inode_count >= tree->max_entries)
		return -EDQUOT;
	if (grow(&tree->inodes, tree->inode_count, &tree->inode_room, sizeof(*inode)) < 0)
		return -ENOMEM;
	tree->inodes[tree->inode_count] = *inode;
	*ret_id = tree->inode_count++;
	return 0;
}

static uint32_t *head_of(const struct imgtree *tree, uint32_t dir, struct tkit_bytes name)
{
	uint64_t hash = bytes_hash(name, tree->seed ^ dir * 0x9e3779b97f4a7c15u);

	return &tree->heads[hash & (tree->head_count - 1)];
}

/* Also finds a name that was removed. */
static uint32_t find_any(const struct imgtree *tree, uint32_t dir, struct tkit_bytes name)
{
	uint32_t node = *head_of(tree, dir, name);

	while (node != IMGTREE_NONE &&
	       (tree->nodes[node].parent != dir || !bytes_eq(imgtree_name(tree, node), name)))
		node = tree->nodes[node].chain;
	return node;
}

uint32_t imgtree_find(const struct imgtree *tree, uint32_t dir, struct tkit_bytes name)
{
	uint32_t node = find_any(tree, dir, name);

	return node == IMGTREE_NONE || tree->nodes[node].inode == IMGTREE_NONE ? IMGTREE_NONE
									       : node;
}

static int rehash(struct imgtree *tree)
{
	uint32_t count = tree->head_count * 2;
	uint32_t *heads;

	if (tree->node_count < tree->head_count || count == 0)
		return 0;
	heads = malloc(count * sizeof(*heads));
	if (!heads)
		return -ENOMEM;
	memset(heads, 0xff, count * sizeof(*heads));
	free(tree->heads);
	tree->heads = heads;
	tree->head_count = count;
	for (uint32_t i = 1; i < tree->node_count; i++) {
		uint32_t *head = head_of(tree, tree->nodes[i].parent, imgtree_name(tree, i));

		tree->nodes[i].chain = *head;
		*head = i;
	}
	return 0;
}

static void link_child(struct imgtree *tree, uint32_t node)
{
	struct imgtree_node *n = &tree->nodes[node];

	if (n->linked)
		return;
	n->sibling = tree->nodes[n->parent].child;
	n->linked = true;
	tree->nodes[n->parent].child = node;
}

int imgtree_add(struct imgtree *tree, uint32_t dir, struct tkit_bytes name, uint32_t inode,
		uint16_t layer, uint32_t *ret_node)
{
	uint32_t node = find_any(tree, dir, name), text = 0, *head;
	int rc;

	if (node == IMGTREE_NONE) {
		if (tree->node_count >= tree->max_entries)
			return -EDQUOT;
		rc = imgtree_text(tree, name.ptr, name.len, &text);
		if (rc == 0)
			rc = grow(&tree->nodes, tree->node_count, &tree->node_room,
				  sizeof(*tree->nodes));
		if (rc == 0)
			rc = rehash(tree);
		if (rc < 0)
			return rc;
		node = tree->node_count++;
		head = head_of(tree, dir, name);
		tree->nodes[node] = (struct imgtree_node){.parent = dir,
							  .name = text,
							  .name_len = (uint8_t)name.len,
							  .chain = *head,
							  .child = IMGTREE_NONE};
		*head = node;
	}
	tree->nodes[node].inode = inode;
	tree->nodes[node].layer = layer;
	tree->nodes[node].swept = 0;
	link_child(tree, node);
	*ret_node = node;
	return 0;
}

/*
 * Everything below a node goes, and out of the lists, so that nobody walks over it again.
 * No recursion: `parent` leads back up.
 */
void imgtree_remove(struct imgtree *tree, uint32_t node)
{
	uint32_t at = node;

	for (;;) {
		struct imgtree_node *n = &tree->nodes[at];

		if (n->child != IMGTREE_NONE) {
			at = n->child;
			continue;
		}
		if (at == node)
			break;
		tree->nodes[n->parent].child = n->sibling;
		n->linked = false;
		n->inode = IMGTREE_NONE;
		at = n->parent;
	}
	if (node != IMGTREE_ROOT)
		tree->nodes[node].inode = IMGTREE_NONE;
}

/* The next node in a walk of everything below `dir`; `down`: also what is below `at`. */
static uint32_t walk_on(const struct imgtree *tree, uint32_t dir, uint32_t at, bool down)
{
	if (down && tree->nodes[at].child != IMGTREE_NONE)
		return tree->nodes[at].child;
	while (at != dir && tree->nodes[at].sibling == IMGTREE_NONE)
		at = tree->nodes[at].parent;
	return at == dir ? IMGTREE_NONE : tree->nodes[at].sibling;
}

void imgtree_sweep(struct imgtree *tree, uint32_t dir, uint16_t layer)
{
	uint32_t next;

	if (tree->nodes[dir].swept == layer + 1)
		return;
	tree->nodes[dir].swept = (uint16_t)(layer + 1);
	for (uint32_t at = walk_on(tree, dir, dir, true); at != IMGTREE_NONE; at = next) {
		struct imgtree_node *n = &tree->nodes[at];

		if (n->inode != IMGTREE_NONE && n->layer < layer)
			imgtree_remove(tree, at);
		next = walk_on(tree, dir, at, n->inode != IMGTREE_NONE);
	}
}

int imgtree_lookup(const struct imgtree *tree, struct tkit_bytes path, uint32_t *ret_node)
{
	uint32_t node = IMGTREE_ROOT;
	size_t at = 1, end;

	for (; at < path.len; at = end + 1) {
		const char *slash = memchr(path.ptr + at, '/', path.len - at);

		end = slash ? (size_t)(slash - path.ptr) : path.len;
		if (!S_ISDIR(imgtree_inode(tree, node)->mode))
			return -ENOTDIR;
		node = imgtree_find(tree, node, BYTES(path.ptr + at, end - at));
		if (node == IMGTREE_NONE)
			return -ENOENT;
	}
	*ret_node = node;
	return 0;
}

uint32_t imgtree_next(const struct imgtree *tree, uint32_t dir, uint32_t node)
{
	node = node ? tree->nodes[node].sibling : tree->nodes[dir].child;
	while (node != IMGTREE_NONE && tree->nodes[node].inode == IMGTREE_NONE)
		node = tree->nodes[node].sibling;
	return node;
}

void imgtree_count_links(struct imgtree *tree)
{
	for (uint32_t i = 0; i < tree->inode_count; i++)
		tree->inodes[i].nlink = 0;
	for (uint32_t i = 0; i < tree->node_count; i++)
		if (tree->nodes[i].inode != IMGTREE_NONE)
			tree->inodes[tree->nodes[i].inode].nlink++;
}

void imgtree_xattr_put(struct buf *list, struct tkit_bytes name, struct tkit_bytes value)
{
	uint16_t name_len = (uint16_t)name.len;
	uint32_t value_len = (uint32_t)value.len;

	buf_add(list, &name_len, sizeof(name_len));
	buf_add(list, name.ptr, name.len);
	buf_add(list, &value_len, sizeof(value_len));
	buf_add(list, value.ptr, value.len);
}

int imgtree_xattr_next(struct tkit_bytes list, size_t *at, struct imgtree_xattr *ret_xattr)
{
	const char *p = list.ptr + *at, *end = list.ptr + list.len;
	uint16_t name_len;
	uint32_t value_len;

	if (p == end)
		return 0;
	if ((size_t)(end - p) < sizeof(name_len))
		return -EBADMSG;
	memcpy(&name_len, p, sizeof(name_len));
	p += sizeof(name_len);
	if ((size_t)(end - p) < name_len + sizeof(value_len) || !name_len ||
	    name_len > IMGTREE_NAME_MAX || memchr(p, '\0', name_len))
		return -EBADMSG;
	ret_xattr->name = BYTES(p, name_len);
	p += name_len;
	memcpy(&value_len, p, sizeof(value_len));
	p += sizeof(value_len);
	if ((size_t)(end - p) < value_len || value_len > IMGTREE_XATTR_MAX)
		return -EBADMSG;
	ret_xattr->value = BYTES(p, value_len);
	*at = (size_t)(p + value_len - list.ptr);
	return 1;
}
