#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "role/probe.h"

void probe_report_init(struct probe_report *r)
{
	*r = (struct probe_report){ .nfolders = 0 };
	for (size_t i = 0; i < SURVEY_FACTS; i++)
		r->number[i] = INT64_MIN;
}

void probe_report_free(struct probe_report *r)
{
	for (size_t i = 0; i < SURVEY_FACTS; i++)
		free(r->text[i]);
	for (size_t i = 0; i < r->nfolders; i++) {
		free(r->folders[i].name);
		free(r->folders[i].mailbox);
		free(r->folders[i].use);
	}
	for (size_t i = 0; i < r->nquotas; i++) {
		free(r->quotas[i].root);
		free(r->quotas[i].resource);
	}
	free(r->folders);
	free(r->quotas);
	probe_report_init(r);
}

/* Never NULL. */
static char *text_of(struct slice fields, uint16_t tag)
{
	char *s = ipc_get_str(fields, tag, PROBE_TEXT_MAX);

	return s == NULL ? mem_strdup("") : s;
}

static int take_fact(struct probe_report *r, struct slice fields)
{
	int64_t key = ipc_get_number(fields, PROBE_TAG_KEY, -1);

	if (key < 0 || key >= SURVEY_FACTS)
		return -1;
	free(r->text[key]);
	r->text[key] = ipc_get_str(fields, PROBE_TAG_TEXT, PROBE_TEXT_MAX);
	r->number[key] = ipc_get_number(fields, PROBE_TAG_NUMBER, INT64_MIN);
	return 0;
}

static int take_step(struct probe_report *r, struct slice fields)
{
	int64_t key = ipc_get_number(fields, PROBE_TAG_KEY, -1);
	int64_t class = ipc_get_number(fields, PROBE_TAG_CLASS, ERR_NONE);
	struct probe_step *step;
	char *why;

	if (key < 0 || key >= SURVEY_STEPS || class < ERR_NONE || class > ERR_SYSTEM)
		return -1;
	step = &r->step[key];
	*step = (struct probe_step){ .begun = true, .ms = ipc_get_number(fields, PROBE_TAG_NUMBER, 0) };
	if (class == ERR_NONE)
		return 0;
	why = text_of(fields, PROBE_TAG_WHY);
	(void)err_set(&step->err, (enum err_class) class, (int)ipc_get_number(fields, PROBE_TAG_CODE, 0), "%s", why);
	free(why);
	return 0;
}

static int take_folder(struct probe_report *r, struct slice fields)
{
	if (r->nfolders == PROBE_FOLDERS_MAX)
		return -1;
	r->folders = mem_resize(r->folders, r->nfolders + 1, sizeof *r->folders);
	r->folders[r->nfolders++] =
	    (struct probe_folder){ text_of(fields, PROBE_TAG_TEXT), text_of(fields, PROBE_TAG_MAILBOX),
				   text_of(fields, PROBE_TAG_USE), ipc_get_number(fields, PROBE_TAG_NUMBER, -1) };
	return 0;
}

static int take_quota(struct probe_report *r, struct slice fields)
{
	if (r->nquotas == PROBE_QUOTAS_MAX)
		return -1;
	r->quotas = mem_resize(r->quotas, r->nquotas + 1, sizeof *r->quotas);
	r->quotas[r->nquotas++] = (struct probe_quota){ text_of(fields, PROBE_TAG_TEXT), text_of(fields, PROBE_TAG_USE),
							ipc_get_number(fields, PROBE_TAG_NUMBER, 0),
							ipc_get_number(fields, PROBE_TAG_MOST, 0) };
	return 0;
}

int probe_report_take(struct probe_report *r, const struct ipc_in *in)
{
	switch (in->type) {
	case PROBE_FACT:
		return take_fact(r, in->rest);
	case PROBE_STEP:
		return take_step(r, in->rest);
	case PROBE_FOLDER:
		return take_folder(r, in->rest);
	case PROBE_QUOTA:
		return take_quota(r, in->rest);
	case PROBE_END:
		r->ended = true;
		return 0;
	default:
		return -1;
	}
}
