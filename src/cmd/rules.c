#include "cmd/rules.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "msg/header.h"
#include "sieve/sieve.h"

enum { WARNINGS_MAX = 256 * 1024 };

struct missing {
	struct buf *errors;
	bool any;
};

/* What a rule would promise and nobody could keep is an error now, not a lost message later. */
static void missing_report(void *arg, const char *script, const char *command, unsigned line, unsigned column)
{
	struct missing *m = arg;

	m->any = true;
	(void)buf_addf(
	    m->errors,
	    "%s:%u:%u: error: `%s' can't be used: this mailferry sends no mail to other servers; file the message "
	    "into a folder instead, or configure a relay\n",
	    script, line, column, command);
}

static int script_read(const char *path, struct rules_script *out, struct buf *errors)
{
	struct buf text;
	struct err e;

	/* One octet more than allowed, so that the compiler tells which script is too large. */
	buf_init(&text, SIEVE_SCRIPT_MAX + 1);
	if (file_read(path, &text, &e) != 0) {
		(void)buf_addf(errors, "%s\n", e.text);
		buf_free(&text);
		return -1;
	}
	out->path = mem_strdup(path);
	out->text = buf_take(&text, &out->len);
	return 0;
}

/* ---- scripts for others to include ---- */

static bool is_there(const struct rules *r, const char *path)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->all[i].path, path) == 0)
			return true;
	return false;
}

static void file_add(struct rules *r, const char *path, bool list)
{
	struct buf ignored;
	struct stat st;

	/* Only files: a pipe of that name would be waited for. */
	if (r->n == RULES_MAX || is_there(r, path) || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	buf_init(&ignored, 1);
	r->all = mem_resize(r->all, r->n + 1, sizeof *r->all);
	r->all[r->n] = (struct rules_script){ .list = list };
	if (script_read(path, &r->all[r->n], &ignored) == 0)
		r->n++;
	buf_free(&ignored);
}

void rules_read_folder(struct rules *r, const char *folder, size_t n)
{
	char *path = mem_printf("%.*s", (int)n, folder);
	DIR *d = opendir(n > 0 ? path : ".");
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name);
		char *file;

		if (len < sizeof ".sieve" || strcmp(e->d_name + len - (sizeof ".sieve" - 1), ".sieve") != 0)
			continue;
		file = mem_printf("%s%s%s", path, n > 0 && path[n - 1] != '/' ? "/" : "", e->d_name);
		file_add(r, file, false);
		free(file);
	}
	if (d != NULL)
		(void)closedir(d);
	free(path);
}

/* Those beside each script that may include any, and the global ones. */
static void includable_read_all(const struct config *c, struct rules *r)
{
	bool any = false;

	for (size_t i = 0; i < r->nnamed; i++) {
		if (!shelf_asks(slice_of(r->all[i].text, r->all[i].len)))
			continue;
		rules_read_folder(r, r->all[i].path, shelf_folder(r->all[i].path));
		any = true;
	}
	if (any && c->rules_global != NULL)
		rules_read_folder(r, c->rules_global, strlen(c->rules_global));
}

/* Files that an editor left are no lists. */
static void lists_read(struct rules *r, const char *folder)
{
	DIR *d = opendir(folder);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char *file = mem_printf("%s/%s", folder, e->d_name);

		if (e->d_name[0] != '.' && file[strlen(file) - 1] != '~')
			file_add(r, file, true);
		free(file);
	}
	if (d != NULL)
		(void)closedir(d);
}

struct shelf rules_shelf(const struct rules *r, const char *global)
{
	struct shelf s = { .all = mem_array(r->n, sizeof *s.all), .n = r->n, .global = global };

	for (size_t i = 0; i < r->n; i++)
		s.all[i] = (struct shelf_text){ .path = r->all[i].path, .text = slice_of(r->all[i].text, r->all[i].len) };
	return s;
}

void rules_shelf_free(struct rules *r, struct shelf *s)
{
	for (size_t i = 0; i < s->n; i++)
		r->all[i].used = r->all[i].used || s->all[i].used;
	shelf_end(s);
	free(s->all);
	*s = (struct shelf){ 0 };
}

/* What the configuration protects is left alone without a word when the rules run (RFC 5293, 6): it is said here. */
struct protecting {
	const struct config *config;
	struct buf *out;
};

static void protected_warn(void *arg, const char *script, bool add, struct slice field, unsigned line, unsigned column)
{
	const struct protecting *p = arg;
	char *const *names = add ? p->config->rules_forbid_add : p->config->rules_forbid_delete;
	const size_t n = add ? p->config->nrules_forbid_add : p->config->nrules_forbid_delete;

	if (!add && (slice_eq_nocase(field, SLICE_LIT("Received")) ||
		     slice_eq_nocase(field, SLICE_LIT("Auto-Submitted")))) {
		(void)buf_addf(p->out, "%s:%u:%u: warning: \"deleteheader\" does nothing to %.*s: it always stays\n",
			       script, line, column, (int)field.n, field.p);
		return;
	}
	for (size_t i = 0; i < n && !slice_eq_nocase(field, SLICE_LIT("Subject")); i++) {
		if (!header_name_fits(field, slice_str(names[i])))
			continue;
		(void)buf_addf(p->out, "%s:%u:%u: warning: \"%s\" does nothing to %.*s: rules_forbid_%s names it\n",
			       script, line, column, add ? "addheader" : "deleteheader", (int)field.n, field.p,
			       add ? "add" : "delete");
		return;
	}
}

static int script_compile(const struct rules_script *script, const struct config *c, const struct sieve_telling *t)
{
	struct protecting protecting = { c, t->warnings };
	struct missing missing = { t->errors, false };
	struct sieve_program *program = sieve_compile_telling(script->path, slice_of(script->text, script->len), t);

	if (program == NULL)
		return -1;
	if (c->relay == NULL)
		sieve_program_each(program, missing_report, &missing);
	sieve_program_edits(program, protected_warn, &protecting);
	sieve_program_free(&program);
	return missing.any ? -1 : 0;
}

/* Several accounts may share one script. */
static bool named_before(const struct config *c, size_t account)
{
	for (size_t i = 0; i < account; i++)
		if (c->accounts[i].rules != NULL && strcmp(c->accounts[i].rules, c->accounts[account].rules) == 0)
			return true;
	return false;
}

int rules_read(const struct config *c, struct rules *out, struct buf *errors)
{
	int r = 0;

	*out = (struct rules){ .all = mem_array(c->naccounts, sizeof *out->all) };
	buf_init(&out->warnings, WARNINGS_MAX);
	for (size_t i = 0; i < c->naccounts; i++) {
		if (c->accounts[i].rules == NULL || named_before(c, i))
			continue;
		if (script_read(c->accounts[i].rules, &out->all[out->n], errors) != 0)
			r = -1;
		else
			out->all[out->n++].named = true;
	}
	out->nnamed = out->n;
	includable_read_all(c, out);
	if (c->rules_lists != NULL)
		lists_read(out, c->rules_lists);
	return r;
}

/* Another account has the same: nothing new is to be said. */
static bool compiled_before(const struct rules *r, size_t n)
{
	struct slice text = slice_of(r->all[n].text, r->all[n].len);

	for (size_t i = 0; i < n; i++)
		if (shelf_same(slice_of(r->all[i].text, r->all[i].len), text))
			return true;
	return false;
}

int rules_compile_all(const struct config *c, struct rules *r, bool excerpts, struct buf *errors)
{
	struct shelf shelf = rules_shelf(r, c->rules_global);
	int ret = 0;

	for (size_t i = 0; i < r->nnamed; i++) {
		const struct sieve_scripts scripts = shelf_scripts(&shelf, r->all[i].path);

		if (ret == 0 && compiled_before(r, i))
			continue;
		if (script_compile(&r->all[i], c,
				   &(struct sieve_telling){ errors, &r->warnings, excerpts, &scripts, 0 }) != 0)
			ret = -1;
	}
	rules_shelf_free(r, &shelf);
	return ret;
}

int rules_load(const struct config *c, struct rules *out, struct buf *errors)
{
	int read = rules_read(c, out, errors), compiled = rules_compile_all(c, out, false, errors);

	return read != 0 || compiled != 0 ? -1 : 0;
}

void rules_free(struct rules *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->all[i].path);
		free(r->all[i].text);
	}
	free(r->all);
	buf_free(&r->warnings);
	*r = (struct rules){ 0 };
}
