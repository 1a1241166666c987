#include "cmd/plans.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { ERRORS_MAX = 64 * 1024 };

static int keep(void *arg, const struct plan_row *row)
{
	struct plans *p = arg;
	struct plan_row *mine;

	p->all = mem_resize(p->all, p->n + 1, sizeof *p->all);
	mine = &p->all[p->n++];
	*mine = *row;
	mine->name = mem_strdup(row->name);
	mine->words = mem_strdup(row->words == NULL ? "" : row->words);
	mine->progress.folder = mem_strdup(row->progress.folder == NULL ? "" : row->progress.folder);
	return 0;
}

int plans_load(struct plans *p, const char *config_file, struct err *e)
{
	struct buf errors;
	char *control;
	int r = -1;

	*p = (struct plans){ 0 };
	buf_init(&errors, ERRORS_MAX);
	control = config_control(config_file, &errors);
	if (control != NULL)
		r = plan_by_daemon(control, config_file, keep, p, e);
	else
		(void)err_set(e, ERR_CONFIG, 0, "%s: the control socket is not known", config_file);
	free(control);
	buf_free(&errors);
	return r;
}

void plans_free(struct plans *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free((char *)p->all[i].name);
		free((char *)p->all[i].words);
		free((char *)p->all[i].progress.folder);
	}
	free(p->all);
	*p = (struct plans){ 0 };
}

static const struct plan_row *find(const struct plans *p, const char *name, bool is_source)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->all[i].is_source == is_source && strcmp(p->all[i].name, name) == 0)
			return &p->all[i];
	return NULL;
}

const struct plan_row *plans_source(const struct plans *p, const char *name)
{
	return find(p, name, true);
}

const struct plan_row *plans_account(const struct plans *p, const char *name)
{
	return find(p, name, false);
}

bool plans_running(const char *config_file, const char *source)
{
	const struct plan_row *row;
	struct plans p;
	struct err e;
	bool running;

	(void)plans_load(&p, config_file, &e);
	row = plans_source(&p, source);
	running = row != NULL && row->state == PLAN_RUNS;
	plans_free(&p);
	return running;
}
