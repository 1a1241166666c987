#include "cmd/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/slice.h"

struct program {
	const char *role;
	char *path;
	int fd; /* O_PATH */
};

struct programs {
	struct program *all;
	size_t n;
};

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_strdup(".");
	return slash == path ? mem_strdup("/") : slice_dup(slice_of(path, (size_t)(slash - path)));
}

/* From mem_alloc. */
static char *programs_directory(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *directory, *probe;
	bool here;

	if (n <= 0)
		return mem_strdup(PKGLIBEXECDIR);
	self[n] = '\0';
	directory = directory_of(self);
	probe = mem_printf("%s/mailferry-spool", directory);
	here = access(probe, X_OK) == 0;
	free(probe);
	if (here)
		return directory;
	free(directory);
	return mem_strdup(PKGLIBEXECDIR);
}

static int program_open(struct program *p, const char *directory, const char *role, struct err *e)
{
	p->role = role;
	p->path = mem_printf("%s/mailferry-%s", directory, role);
	p->fd = open(p->path, O_PATH | O_CLOEXEC);
	if (p->fd >= 0 && faccessat(AT_FDCWD, p->path, X_OK, AT_EACCESS) == 0)
		return 0;
	return err_set(e, ERR_CONFIG, errno, "can't execute %s: %s; install all programs of mailferry together", p->path,
		       strerror(errno));
}

struct programs *programs_open(const char *const *roles, struct err *e)
{
	struct programs *p = mem_alloc(sizeof *p);
	char *directory = programs_directory();
	size_t n = 0;
	int r = 0;

	while (roles[n] != NULL)
		n++;
	p->all = mem_array(n + 1, sizeof *p->all);
	while (r == 0 && p->n < n) {
		r = program_open(&p->all[p->n], directory, roles[p->n], e);
		p->n++;
	}
	free(directory);
	if (r != 0)
		programs_free(&p);
	return p;
}

void programs_free(struct programs **p)
{
	if (*p == NULL)
		return;
	for (size_t i = 0; i < (*p)->n; i++) {
		file_close(&(*p)->all[i].fd);
		free((*p)->all[i].path);
	}
	free((*p)->all);
	free(*p);
	*p = NULL;
}

int programs_find(const struct programs *p, const char *role, const char **path)
{
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->all[i].role, role) != 0)
			continue;
		*path = p->all[i].path;
		return p->all[i].fd;
	}
	errno = ENOENT;
	return -1;
}
