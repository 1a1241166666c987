/* What `mailferry probe' shows of a source: how it is reached, and what lies there. */
#include <jansson.h>
#include <stdio.h>

#include "cmd/probe.h"
#include "cmd/table.h"
#include "cmd/text.h"

enum { WORDS_BYTES = 64 * 1024 };

static const struct table_column columns[] = { { "FOLDER", 50 }, { "MESSAGES", 10 }, { "USE", 20 } };
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static const char *protocol_name(const struct config_source *s)
{
	return s->protocol == CONFIG_POP3 ? "pop3" : "imap";
}

void probe_source_print(const struct config_source *s, const struct probe_report *r)
{
	const struct probe_step *login = &r->step[SURVEY_LOGIN], *list = &r->step[SURVEY_LIST];
	struct table *table;
	int64_t all = 0;

	(void)printf("source %s: %s at %s, port %u, by %s\n", s->name, s->server.user, s->server.host,
		     (unsigned)s->server.port, s->protocol == CONFIG_POP3 ? "POP3" : "IMAP");
	if (login->begun && login->err.class == ERR_NONE)
		(void)printf("  logged in after %lld ms%s\n", (long long)login->ms,
			     s->server.tls == CONFIG_TLS_NONE ? ", without encryption" : "");
	table = table_new(columns, COLUMNS);
	for (size_t i = 0; i < r->nfolders; i++) {
		const struct probe_folder *f = &r->folders[i];
		char count[24] = "?";

		if (f->messages >= 0)
			(void)snprintf(count, sizeof count, "%lld", (long long)f->messages);
		all += f->messages > 0 ? f->messages : 0;
		table_row(table,
			  (const char *const[COLUMNS]){ f->name[0] == '\0' ? "(the mailbox)" : f->name, count, f->use },
			  f->messages < 0 ? "it can't be opened" : NULL);
	}
	table_end(&table);
	if (list->begun && list->err.class == ERR_NONE)
		(void)printf("  %lld message%s in what would be fetched%s; nothing was changed\n", (long long)all,
			     all == 1 ? "" : "s", r->number[SURVEY_FOLDERS_CUT] == 1 ? " and was counted" : "");
}

static json_t *json_text(const char *text)
{
	struct buf clean;
	json_t *o;

	buf_init(&clean, WORDS_BYTES);
	text_utf8(&clean, text == NULL ? "" : text);
	o = json_string(buf_str(&clean));
	buf_free(&clean);
	return o;
}

void probe_source_json(const struct config_source *s, const struct probe_report *r, const struct err *e)
{
	json_t *o = json_object(), *folders = json_array();
	const char *step = "";
	const struct err *failure = probe_failure(r, &step);

	failure = failure == NULL ? e : failure;
	(void)json_object_set_new(o, "source", json_text(s->name));
	(void)json_object_set_new(o, "protocol", json_string(protocol_name(s)));
	(void)json_object_set_new(o, "host", json_text(s->server.host));
	(void)json_object_set_new(o, "port", json_integer(s->server.port));
	(void)json_object_set_new(o, "ok", json_boolean(failure == NULL));
	(void)json_object_set_new(o, "step", failure == NULL ? json_null() : json_text(step));
	(void)json_object_set_new(o, "error", failure == NULL ? json_null() : json_text(failure->text));
	for (size_t i = 0; i < r->nfolders; i++) {
		json_t *f = json_object();

		(void)json_object_set_new(f, "name", json_text(r->folders[i].name));
		(void)json_object_set_new(f, "use", json_text(r->folders[i].use));
		(void)json_object_set_new(
		    f, "messages", r->folders[i].messages < 0 ? json_null() : json_integer(r->folders[i].messages));
		(void)json_array_append_new(folders, f);
	}
	(void)json_object_set_new(o, "folders", folders);
	(void)json_dumpf(o, stdout, JSON_COMPACT);
	(void)putchar('\n');
	json_decref(o);
}
