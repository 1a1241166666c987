#include "cmd/watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"

struct watched {
	char *path;
	bool known; /* it was there */
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec written, changed; /* the second also tells of modes and owners */
};

static bool is_same(const struct watched *f, const struct stat *st)
{
	return f->device == st->st_dev && f->inode == st->st_ino && f->size == st->st_size &&
	       f->written.tv_sec == st->st_mtim.tv_sec && f->written.tv_nsec == st->st_mtim.tv_nsec &&
	       f->changed.tv_sec == st->st_ctim.tv_sec && f->changed.tv_nsec == st->st_ctim.tv_nsec;
}

/* Looks at F, and keeps what it is like. True: it is there, and not as it was. */
static bool look(struct watched *f)
{
	struct stat st;
	bool same;

	if (stat(f->path, &st) != 0)
		return false;
	same = f->known && is_same(f, &st);
	f->known = true;
	f->device = st.st_dev;
	f->inode = st.st_ino;
	f->size = st.st_size;
	f->written = st.st_mtim;
	f->changed = st.st_ctim;
	return !same;
}

struct adding {
	const struct watch *old;
	struct watch new;
};

static void add(void *arg, const char *path)
{
	struct adding *a = arg;
	struct watch *w = &a->new;
	struct watched f = { 0 };

	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->files[i].path, path) == 0)
			return;
	for (size_t i = 0; i < a->old->n; i++)
		if (strcmp(a->old->files[i].path, path) == 0)
			f = a->old->files[i];
	f.path = mem_strdup(path);
	if (!f.known)
		(void)look(&f);
	w->files = mem_resize(w->files, w->n + 1, sizeof *w->files);
	w->files[w->n++] = f;
}

void watch_set(struct watch *w, const struct config *c)
{
	struct adding a = { .old = w };

	config_watched(c, add, &a);
	watch_free(w);
	*w = a.new;
}

const char *watch_changed(struct watch *w)
{
	const char *path = NULL;

	/* All of them: certificate and key change together, and one reload is enough. */
	for (size_t i = 0; i < w->n; i++)
		if (look(&w->files[i]))
			path = w->files[i].path;
	return path;
}

void watch_free(struct watch *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->files[i].path);
	free(w->files);
	*w = (struct watch){ 0 };
}
