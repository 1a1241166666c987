/* Keys that rules depend on. */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "config/verify.h"

static unsigned line_of(const struct build *b, const char *key)
{
	return build_line(&b->top, KEYS_TOP, key);
}

void config_verdict_split(const char *verdict, char **field, char **pattern)
{
	const char *colon = strchr(verdict, ':');

	*field = colon != NULL ? mem_printf("%.*s", (int)(colon - verdict), verdict) : mem_strdup(verdict);
	*pattern = NULL;
	if (colon == NULL)
		return;
	for (colon++; *colon == ' '; colon++)
		;
	*pattern = mem_strdup(colon);
}

static void verdict_verify(struct build *b, const char *key, const char *verdict)
{
	char *field, *pattern;
	char why[100];
	regex_t re;
	int code;

	if (verdict == NULL)
		return;
	config_verdict_split(verdict, &field, &pattern);
	if (field[0] == '\0' || field[strcspn(field, " \t")] != '\0')
		report_error(b->report, line_of(b, key), key, "\"%.64s\" is no name of a header field", field);
	code = pattern != NULL ? regcomp(&re, pattern, REG_EXTENDED) : 0;
	if (code != 0) {
		(void)regerror(code, &re, why, sizeof why);
		report_error(b->report, line_of(b, key), key, "this is no extended regular expression: %s", why);
	} else if (pattern != NULL) {
		regfree(&re);
	}
	free(field);
	free(pattern);
}

/* RFC 5293, 6: that one must always be allowed. A pattern may be meant for others. */
static void forbid_verify(struct build *b, const char *key, char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(names[i], "Subject") == 0)
			report_error(b->report, line_of(b, key), key,
				     "rules may always add and delete Subject (RFC 5293, 6): leave it out");
}

void rules_verify(struct build *b)
{
	const struct config *c = b->config;

	forbid_verify(b, "rules_forbid_add", c->rules_forbid_add, c->nrules_forbid_add);
	forbid_verify(b, "rules_forbid_delete", c->rules_forbid_delete, c->nrules_forbid_delete);
	verdict_verify(b, "spam_verdict", c->spam_verdict);
	verdict_verify(b, "virus_verdict", c->virus_verdict);
	if (c->spam_verdict_most == NULL || strtod(c->spam_verdict_most, NULL) > 0)
		return;
	if (strchr(c->spam_verdict_most, ':') == NULL)
		report_error(b->report, line_of(b, "spam_verdict_most"), "spam_verdict_most",
			     "expected a number above 0, or \"FIELD: PATTERN\", got \"%.64s\"",
			    c->spam_verdict_most);
	else
		verdict_verify(b, "spam_verdict_most", c->spam_verdict_most);
}

static void folder_verify(struct build *b, const char *key, const char *path)
{
	struct stat st;
	struct err e;

	if (path == NULL)
		return;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return;
	if (stat(path, &st) == 0) {
		report_error(b->report, line_of(b, key), key, "%.200s is no folder", path);
		return;
	}
	(void)file_unread(&e, errno, path);
	report_error(b->report, line_of(b, key), key, "%s", e.text);
}

void rules_files(struct build *b)
{
	folder_verify(b, "rules_global", b->config->rules_global);
	folder_verify(b, "rules_lists", b->config->rules_lists);
}
