/* getmail's files oldmail-SERVER-PORT-USER[-FOLDER], a mailbox each. */
#include <stdlib.h>
#include <sysexits.h>

#include "base/mem.h"
#include "cmd/import_state.h"
#include "cmd/import_take.h"

struct reading {
	struct import_taking *taking;
	const char *folder;
	bool mixed; /* an old file for all folders of a mailbox, which each line names */
};

static int on_seen(void *arg, const struct import_seen *seen)
{
	const struct reading *r = arg;
	struct import_taking *t = r->taking;
	struct spool_import one = {
		.folder = r->folder, .uidvalidity = seen->uidvalidity, .uid = seen->uid, .taken_ms = seen->seen_ms
	};

	if (seen->folder.n > 0 && r->mixed)
		one.folder = import_take_copy(t, seen->folder);
	if (seen->uid == 0)
		one.name = import_take_copy(t, seen->name);
	import_take_add(t, &one);
	return 0;
}

/* The folder that the file's name means: one that the source names, else what stands there. From mem_alloc. */
static char *folder_find(const struct config_source *s, struct slice part)
{
	for (size_t i = 0; i < s->nfolders; i++)
		if (import_state_is_folder(part, s->folders[i]))
			return mem_strdup(s->folders[i]);
	return part.n == 0 ? mem_strdup("INBOX") : slice_dup(part);
}

/* Whose memory is the file? NULL after an error. */
static const struct config_source *getmail_source(struct import_taking *t, struct slice *part)
{
	*part = SLICE_NONE;
	for (size_t i = 0; i < t->config->nsources; i++) {
		const struct config_source *s = &t->config->sources[i];

		if ((t->source == NULL || t->source == s) &&
		    import_state_of(t->args->file, s->server.host, s->server.port, s->server.user, part))
			return s;
	}
	if (t->source == NULL)
		(void)import_take_fail(t, EX_DATAERR,
				       "%s: no source of %s has the server, port and user of this name; if one is that "
				       "mailbox, name it behind "
				       "the file",
				       t->args->file, t->config_file);
	else if (t->source->protocol == CONFIG_IMAP && t->args->folder == NULL)
		(void)import_take_fail(t, EX_USAGE,
				       "%s: its name does not tell the folder of source %s: give --folder NAME",
				       t->args->file, t->source->name);
	else
		return t->source;
	return NULL;
}

int import_take_getmail(struct import_taking *t, struct spool_admin *admin)
{
	struct reading r = { .taking = t };
	struct slice part;
	char *folder = NULL, *whose;
	size_t bad;
	int status;

	t->source = getmail_source(t, &part);
	if (t->source == NULL)
		return EX_DATAERR;
	if (t->source->protocol == CONFIG_IMAP)
		folder = t->args->folder != NULL ? mem_strdup(t->args->folder) : folder_find(t->source, part);
	r.folder = folder;
	r.mixed = t->args->folder == NULL && part.n == 0;
	bad = import_state_getmail(buf_slice(&t->text), folder != NULL, on_seen, &r);
	if (t->n == 0 && bad > 0) {
		status = import_take_fail(t, EX_DATAERR, "%s: no line of it is what getmail remembers of %s mail",
					  t->args->file, folder != NULL ? "IMAP" : "POP3");
	} else {
		import_take_bad(t, bad);
		whose = folder == NULL ? mem_strdup("this mailbox")
			: r.mixed      ? mem_strdup("this mailbox's folders")
				       : mem_printf("folder %s", folder);
		status = import_take_hand(t, admin, whose);
		free(whose);
	}
	free(folder);
	return status;
}
