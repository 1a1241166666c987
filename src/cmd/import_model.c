#include "cmd/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/text.h"

enum { ERRORS_BYTES = 64 * 1024, NOTE_BYTES = 1024, GROW = 32 };

void import_init(struct import *imp, const char *program)
{
	*imp = (struct import){ .program = program };
	buf_init(&imp->errors, ERRORS_BYTES);
}

void import_free(struct import *imp)
{
	for (size_t i = 0; i < imp->nkept; i++)
		mem_wipe_str(&imp->kept[i]);
	free(imp->kept);
	for (size_t i = 0; i < imp->nnotes; i++)
		free(imp->notes[i].text);
	free(imp->notes);
	free(imp->sources);
	free(imp->accounts);
	free(imp->addresses);
	buf_free(&imp->errors);
	*imp = (struct import){ 0 };
}

/* Room for one more element of SIZE in ARRAY, which has N. */
static void *grown(void *array, size_t n, size_t size)
{
	/* Doubles, so that a file of many words costs no more than its length. */
	if (n >= GROW && (n & (n - 1)) != 0)
		return array;
	if (n != 0 && n < GROW)
		return array;
	return mem_resize(array, n == 0 ? GROW : 2 * n, size);
}

const char *import_keep(struct import *imp, struct slice text)
{
	imp->kept = grown(imp->kept, imp->nkept, sizeof *imp->kept);
	imp->kept[imp->nkept] = slice_dup(text);
	return imp->kept[imp->nkept++];
}

void import_list_add(struct import *imp, struct import_list *l, int line, const char *text)
{
	if (l->n < IMPORT_LIST_MAX)
		l->at[l->n++] = text;
	else
		import_note(imp, line, "\"%.60s\" is one too many: %d of a kind were taken over", text,
			    IMPORT_LIST_MAX);
}

static void note_add(struct import *imp, size_t owner, int line, const char *fmt, va_list ap)
{
	char text[NOTE_BYTES];
	struct buf clean;

	if (imp->nnotes == IMPORT_NOTES_MAX) {
		if (!imp->full)
			import_error(imp, line, "there is too much without an equivalent: from here on it isn't told");
		imp->full = true;
		return;
	}
	(void)vsnprintf(text, sizeof text, fmt, ap);
	buf_init(&clean, 4 * NOTE_BYTES);
	(void)text_clean(&clean, text, 0);
	(void)buf_str(&clean);
	imp->notes = grown(imp->notes, imp->nnotes, sizeof *imp->notes);
	imp->notes[imp->nnotes++] = (struct import_note){ owner, imp->file, line, buf_take(&clean, NULL) };
}

void import_note(struct import *imp, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note_add(imp, imp->general ? IMPORT_GENERAL : imp->nsources, line, fmt, ap);
	va_end(ap);
}

void import_error(struct import *imp, int line, const char *fmt, ...)
{
	char text[NOTE_BYTES];
	va_list ap;

	if (imp->nerrors++ >= IMPORT_ERRORS_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)buf_addf(&imp->errors, "%s:%d: ", imp->file, line);
	(void)text_clean(&imp->errors, text, 0);
	(void)buf_add_char(&imp->errors, '\n');
}

void import_source_add(struct import *imp, const struct import_source *s)
{
	if (imp->nsources == IMPORT_SOURCES_MAX) {
		import_error(imp, s->line, "more than %d mailboxes: this one is left out", IMPORT_SOURCES_MAX);
		return;
	}
	imp->sources = grown(imp->sources, imp->nsources, sizeof *imp->sources);
	imp->sources[imp->nsources++] = *s;
}
