// SPDX-License-Identifier: MIT
/* An exec: the file that was asked for, and those that the kernel opened because of it. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ebpf.h"

#define FDPATH "/dev/fd/"

/* The name part of "/dev/fd/N/REST" (execveat with a dirfd); empty for "/dev/fd/N". */
static struct tkit_bytes fdpath_rest(struct tkit_bytes path)
{
	const char *end = path.ptr + path.len, *p = path.ptr + sizeof(FDPATH) - 1;

	if (path.len < sizeof(FDPATH))
		return (struct tkit_bytes){end, 0};
	while (p < end && *p != '/')
		p++;
	if (p < end)
		p++;
	return (struct tkit_bytes){p, (size_t)(end - p)};
}

struct interpreters {
	struct ebpf *e;
	const struct ebpf_event *ev;
	const struct tkit_event *exec;
	struct tkit_bytes last; /* the one not yet told */
	char text[EBPF_PATH_MAX];
};

static void tell_interpreter(const struct interpreters *in, bool runs)
{
	struct tkit_event out = *in->exec;

	out.type = TKIT_EVENT_ACCESS;
	out.op = TKIT_OP_INTERP;
	out.via = TKIT_VIA_KERNEL;
	out.valid &= ~(TKIT_V_RESOLVED | TKIT_V_INODE | TKIT_V_BASE | TKIT_V_SYSNO | TKIT_V_RET);
	out.valid |= TKIT_V_PATH;
	out.pflags &= TKIT_P_OUTSIDE_ROOT;
	out.ret = 0;
	out.path = in->last;
	if (out.path.len && out.path.ptr[0] != '/') {
		const struct known *dirs = table_find(&in->e->dirs, in->ev->fs);

		if (dirs && dirs->cwd) {
			out.base = text_bytes(dirs->cwd);
			out.valid |= TKIT_V_BASE;
		}
	}
	if (runs && (out.valid & TKIT_V_EXE)) {
		out.resolved = out.exe;
		out.valid |= TKIT_V_RESOLVED;
	}
	in->e->extra++;
	decode_emit(in->e, &out);
}

static void next_interpreter(void *arg, const char *interpreter, size_t len)
{
	struct interpreters *in = arg;

	if (in->last.len)
		tell_interpreter(in, false);
	if (len > sizeof(in->text))
		len = sizeof(in->text);
	memcpy(in->text, interpreter, len);
	in->last = (struct tkit_bytes){in->text, len};
}

/* Script interpreters, the last of which is what runs now. */
static void tell_script(struct ebpf *e, const struct ebpf_event *ev, const struct tkit_event *exec)
{
	struct interpreters in = {.e = e, .ev = ev, .exec = exec};
	struct tkit_event own = *exec;
	char path[EBPF_PATH_MAX * 2];
	int root_fd = e->target->root_fd, own_root = -1;
	long len;

	if (exec->valid & TKIT_V_ROOT) {
		own_root = inside_open(root_fd, exec->root, O_PATH | O_DIRECTORY);
		own.valid &= ~TKIT_V_ROOT;
		root_fd = own_root;
	}
	len = tkit_event_abs(&own, path, sizeof(path) - 1);
	if (len > 0 && root_fd >= 0 && !(exec->pflags & TKIT_P_OUTSIDE_ROOT)) {
		path[len] = 0;
		tkit_script_interpreters(root_fd, path, next_interpreter, &in);
	}
	if (own_root >= 0)
		close(own_root);
	if (!in.last.len) /* gone, unreadable or binfmt_misc: the last one is all we know */
		in.last = decode_string(ev, 1);
	tell_interpreter(&in, true);
}

static void tell_loader_path(struct ebpf *e, const struct tkit_event *exec,
			     const struct place *loader, const struct ebpf_inode *inode)
{
	struct tkit_event out = *exec;

	out.type = TKIT_EVENT_ACCESS;
	out.op = TKIT_OP_INTERP;
	out.via = TKIT_VIA_KERNEL;
	/* `path` is where it is mapped from: a path in the target's root, whatever the process's.
	 */
	out.valid &= ~(TKIT_V_INODE | TKIT_V_BASE | TKIT_V_ROOT | TKIT_V_SYSNO | TKIT_V_RET);
	out.valid |= TKIT_V_PATH | TKIT_V_RESOLVED;
	out.pflags = (loader->outside ? TKIT_P_OUTSIDE_ROOT : 0) |
		     (loader->flags & EBPF_W_DELETED ? TKIT_P_DELETED : 0);
	out.ret = 0;
	out.path = out.resolved = loader->path;
	decode_inode(&out, inode);
	e->extra++;
	decode_emit(e, &out);
}

/* Where the ELF interpreter `name` is, in the root directory of the process. */
static void find_loader(struct ebpf *e, const struct tkit_event *exec, struct tkit_bytes name)
{
	char path[EBPF_PATH_MAX];
	struct place loader = {.known = true};
	struct ebpf_inode inode = {0};
	int root = e->target->root_fd, own = -1, fd = -1;

	if (exec->valid & TKIT_V_ROOT)
		root = own = inside_open(root, exec->root, O_PATH | O_DIRECTORY);
	if (root >= 0)
		fd = inside_open(root, name, O_PATH);
	if (fd >= 0) {
		struct stat st;

		loader.path = inside_path(e, fd, path, sizeof(path));
		if (fstat(fd, &st) == 0)
			inode = (struct ebpf_inode){.ino = st.st_ino,
						    .dev = major(st.st_dev) << 20 |
							   minor(st.st_dev),
						    .mode = st.st_mode};
		close(fd);
	}
	if (own >= 0)
		close(own);
	if (loader.path.len)
		tell_loader_path(e, exec, &loader, &inode);
}

/* Reads PT_INTERP of the program that runs, for kernels without bpf_find_vma(). */
static void read_loader(struct ebpf *e, const struct tkit_event *exec)
{
	union {
		Elf64_Ehdr e64;
		Elf32_Ehdr e32;
	} head;
	char name[EBPF_PATH_MAX];
	uint64_t offset, at = 0, size = 0;
	unsigned int count, step;
	int fd = inside_open(e->target->root_fd, exec->exe, O_RDONLY);

	if (fd < 0)
		return;
	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head.e64.e_ident, ELFMAG, SELFMAG) != 0) {
		close(fd);
		return;
	}
	bool is32 = head.e64.e_ident[EI_CLASS] == ELFCLASS32;

	offset = is32 ? head.e32.e_phoff : head.e64.e_phoff;
	count = is32 ? head.e32.e_phnum : head.e64.e_phnum;
	step = is32 ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
	for (unsigned int i = 0; i < count && i < 64 && !size; i++) {
		union {
			Elf64_Phdr p64;
			Elf32_Phdr p32;
		} ph;

		if (pread(fd, &ph, step, (off_t)(offset + (uint64_t)i * step)) != (ssize_t)step)
			break;
		if (ph.p64.p_type != PT_INTERP) /* the first word in both */
			continue;
		at = is32 ? ph.p32.p_offset : ph.p64.p_offset;
		size = is32 ? ph.p32.p_filesz : ph.p64.p_filesz;
	}
	if (size > 1 && size <= sizeof(name) && pread(fd, name, size, (off_t)at) == (ssize_t)size)
		find_loader(e, exec, (struct tkit_bytes){name, strnlen(name, size)});
	close(fd);
}

static void tell_loader(struct ebpf *e, const struct ebpf_event *ev, const struct tkit_event *exec)
{
	struct place loader = decode_place(e, ev, EBPF_WALK_LOADER);

	if (ev->bits & EBPF_E_NO_LOADER) {
		if ((exec->valid & TKIT_V_EXE) && !(exec->pflags & TKIT_P_OUTSIDE_ROOT))
			read_loader(e, exec);
	} else if (loader.known) {
		tell_loader_path(e, exec, &loader, &ev->inodes[1]);
	}
}

/* Path and base as the program passed them, and the file that it asked for. */
static void set_request(struct ebpf *e, const struct ebpf_event *ev, const struct place *exe,
			const struct known *process, struct tkit_event *out)
{
	struct place base = decode_place(e, ev, EBPF_WALK_BASE);
	bool script = ev->bits & EBPF_E_INTERP;
	const struct place *file = script ? NULL : exe;

	out->path = decode_string(ev, 0);
	out->valid |= TKIT_V_PATH;
	if (ev->bits & EBPF_E_FDPATH) {
		out->path = fdpath_rest(out->path);
		if (!base.known && process && process->exec_base) {
			base.known = true; /* was closed by the exec */
			base.path = text_bytes(process->exec_base);
		}
		if (!out->path.len) {
			out->pflags |= TKIT_P_FD;
			if (!base.known && file)
				base = *file;
			else if (script)
				file = &base;
		}
	}
	if (base.known && !base.outside && (out->path.len == 0 || out->path.ptr[0] != '/')) {
		out->base = base.path;
		out->valid |= TKIT_V_BASE;
	}
	if (!file || !file->known)
		return;
	out->resolved = file->path;
	out->valid |= TKIT_V_RESOLVED;
	decode_inode(out, &ev->inodes[0]);
	if (file->outside)
		out->pflags |= TKIT_P_OUTSIDE_ROOT;
	if (file->flags & EBPF_W_DELETED)
		out->pflags |= TKIT_P_DELETED;
}

void exec_record(struct ebpf *e, const struct ebpf_event *ev)
{
	struct place root = decode_place(e, ev, EBPF_WALK_ROOT);
	struct place exe = decode_place(e, ev, EBPF_WALK_EXE);
	struct known *process = table_get(&e->processes, (uint64_t)ev->pid);
	struct tkit_event out;

	if (process) {
		text_unref(process->exe);
		process->exe = exe.known && !exe.outside ? text_new(exe.path) : NULL;
	}
	decode_head(e, ev, TKIT_EVENT_EXEC, &out);
	out.op = TKIT_OP_EXEC;
	out.valid |= TKIT_V_ERR | TKIT_V_RET;
	if (ev->nr >= 0) {
		/* i386 numbers of exec are not in use for it in the other table, and the other way
		 */
		const struct tkit_syscall *sys = tkit_syscall_by_nr(TKIT_ARCH_X86_64, ev->nr);
		bool native = sys && sys->op == TKIT_OP_EXEC;

		out.sysno = ev->nr;
		out.arch = native ? TKIT_ARCH_X86_64 : TKIT_ARCH_I386;
		out.via = native ? TKIT_VIA_SYSCALL : TKIT_VIA_COMPAT32;
		out.valid |= TKIT_V_SYSNO;
	}
	decode_root(&out, &root);
	set_request(e, ev, &exe, process, &out);
	decode_emit(e, &out);
	if (ev->bits & EBPF_E_INTERP)
		tell_script(e, ev, &out);
	tell_loader(e, ev, &out);
	if (process) {
		text_unref(process->exec_base);
		process->exec_base = NULL;
	}
}

void exec_prepare(struct ebpf *e, const struct ebpf_event *ev)
{
	struct place base = decode_place(e, ev, EBPF_WALK_BASE);
	struct known *process = table_get(&e->processes, (uint64_t)ev->pid);

	if (!process)
		return;
	text_unref(process->exec_base);
	process->exec_base = base.known && !base.outside ? text_new(base.path) : NULL;
}
