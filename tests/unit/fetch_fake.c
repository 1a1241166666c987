#include "fetch_fake_impl.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/load.h"

struct fake_world *the;

bool fake_lives(struct fake_world *w, bool *happens)
{
	*happens = true;
	if (w->ended)
		return *happens = false;
	w->steps++;
	if (w->end_at == 0 || w->steps < w->end_at)
		return true;
	w->ended = true;
	*happens = w->applied;
	return false;
}

int fake_gone(struct err *e)
{
	return err_set(e, ERR_TEMP, 0, "the world has ended");
}

/* Tens of thousands of runs fail on purpose: what they log is nobody's concern. */
bool log_wants(enum log_level level)
{
	(void)level;
	return getenv("FAKE_LOG") != NULL;
}

void log_event(enum log_level level, const char *event, const struct log_field *fields)
{
	if (!log_wants(level))
		return;
	fprintf(stderr, "%d %s", (int)level, event);
	for (; fields->key != NULL; fields++)
		if (fields->kind == LOG_NUMBER)
			fprintf(stderr, " %s=%lld", fields->key, (long long)fields->number);
		else
			fprintf(stderr, " %s=%.*s", fields->key, (int)fields->text.n, fields->text.p);
	fprintf(stderr, "\n");
}

void fake_pass(struct fake_world *w, int64_t ms)
{
	for (size_t i = 0; i < w->nrows; i++) {
		struct spool_origin *o = &w->rows[i].o;

		o->taken_ms -= ms;
		o->tried_ms -= ms;
		o->absent_ms -= o->absent_ms == 0 ? 0 : ms;
	}
	for (size_t i = 0; i < w->ngens; i++)
		w->gens[i].f.listed_ms -= w->gens[i].f.listed_ms == 0 ? 0 : ms;
	for (size_t k = 0; k < FAKE_FOLDERS; k++)
		for (size_t i = 0; i < w->folders[k].n; i++)
			w->folders[k].all[i].internal_ms -= w->folders[k].all[i].internal_ms == 0 ? 0 : ms;
}

/* ---- a run ---- */
static void on_line(void *arg, const struct run_line *l)
{
	struct fake_world *w = arg;
	struct fake_run_line *n;

	w->lines = mem_resize(w->lines, w->nlines + 1, sizeof *w->lines);
	n = &w->lines[w->nlines++];
	*n = (struct fake_run_line){ 0 };
	(void)snprintf(n->folder, sizeof n->folder, "%s", l->folder);
	(void)snprintf(n->name, sizeof n->name, "%s", l->name);
	(void)snprintf(n->into, sizeof n->into, "%s", l->into == NULL ? "" : l->into);
	(void)snprintf(n->why, sizeof n->why, "%s", l->why == NULL ? "" : l->why);
	(void)snprintf(n->subject, sizeof n->subject, "%s", l->subject == NULL ? "" : l->subject);
}

static struct run_setup begin_run(struct fake_world *w, enum run_mode mode, long end_at, bool applied)
{
	the = w;
	w->steps = 0;
	w->end_at = end_at;
	w->applied = applied;
	w->ended = false;
	w->nlines = 0;
	w->changes = w->puts = 0;
	w->lists = w->presents = w->sames = w->bodies = w->heads = w->enters = 0;
	return (struct run_setup){
		.config = w->config,
		.source = &w->source,
		.mode = mode,
		.copy_to = mode == RUN_COPY ? "office" : NULL,
		.base = w->base,
		.intake = w->intake,
		.memory = (struct spool_source *)w,
		.driver = w->imap ? &fake_imap : &fake_pop3,
		.line = on_line,
		.arg = w,
	};
}

struct run_result fake_run_until(struct fake_world *w, enum run_mode mode, long end_at, bool applied)
{
	struct run_setup setup = begin_run(w, mode, end_at, applied);
	struct run_result result;
	struct intake *in = NULL;

	if (mode == RUN_DRY) {
		setup.dry = run_dry_new();
		in = intake_new(w->config, &run_dry_spool, setup.dry);
		setup.intake = in;
	}
	run_once(&setup, &result);
	(void)event_base_loop(w->base, EVLOOP_NONBLOCK);
	if (w->answers != NULL)
		fail_msg("answers of the spool were left");
	intake_free(&in);
	if (setup.dry != NULL)
		run_dry_free(&setup.dry);
	return result;
}

struct run_result fake_wait_for(struct fake_world *w, long end_at, bool *news, bool *can)
{
	const struct run_setup setup = begin_run(w, RUN_FETCH, end_at, false);
	struct run_result result;

	run_wait(&setup, 0, news, can, &result);
	return result;
}

void fake_adopt(struct fake_world *w)
{
	the = w;
}

struct run_result fake_run(struct fake_world *w, enum run_mode mode)
{
	return fake_run_until(w, mode, 0, false);
}

void fake_world_init(struct fake_world *w, bool imap)
{
	static const char text[] =
	    "hostname = \"mail.office.example\"; spool = \"/var/lib/mailferry\";\n"
	    "accounts = { office = { host = \"imap.example.net\"; user = \"office\"; password = \"x\";\n"
	    "  addresses = [ \"@office.example\", \"office@office.example\" ]; }; };\n";
	struct buf errors;

	*w = (struct fake_world){ .imap = imap, .top = true, .condstore = true, .uidplus = true };
	buf_init(&errors, 10000);
	w->config = config_check("test", slice_str(text), &errors);
	if (w->config == NULL)
		fail_msg("%s", buf_str(&errors));
	buf_free(&errors);
	buf_init(&w->last_body, 64 << 20);
	w->base = event_base_new();
	w->intake = intake_new(w->config, &fake_spool, w);
	w->source = (struct config_source){ .name = (char *)"old",
					    .protocol = imap ? CONFIG_IMAP : CONFIG_POP3,
					    .account = (char *)"office",
					    .to = (char *)"office@office.example",
					    .unmatched = (char *)"Unmatched",
					    .rejected = (char *)"Rejected",
					    .keep = true,
					    .window = 16 };
	w->source.server.host = (char *)"pop.example.org";
	w->source.server.user = (char *)"old";
	w->source.server.name = "old";
	w->folders[0] =
	    (struct fake_folder){ .name = "INBOX", .there = true, .uidvalidity = 7, .uidnext = 1, .modseq = 1 };
	w->folders[1] = (struct fake_folder){ .name = "Archive", .uidvalidity = 9, .uidnext = 1, .modseq = 1 };
	w->folders[2] = (struct fake_folder){ .name = "Done", .uidvalidity = 11, .uidnext = 1, .modseq = 1 };
}

void fake_world_free(struct fake_world *w)
{
	for (unsigned i = 0; i < w->ncontents; i++)
		free(w->contents[i].bytes);
	for (size_t i = 0; i < FAKE_FOLDERS; i++)
		free(w->folders[i].all);
	free(w->rows);
	free(w->lines);
	buf_free(&w->last_body);
	intake_free(&w->intake);
	config_free(&w->config);
	event_base_free(w->base);
	fake_spool_close();
}
