/* The ways to log in of RFC 1939, 7: USER and PASS, APOP. */
#include <openssl/evp.h>
#include <string.h>

#include "base/encode.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "fetch/pop3_auth.h"

/* Octets that may stand in a command: no control characters, and UTF-8 only where the server takes it (RFC 6856, 2.2). */
static int check_words(const struct source_session *s, struct err *e)
{
	const struct config_server *c = s->server;
	const char *const words[] = { c->user, c->password };

	for (size_t i = 0; i < 2; i++) {
		for (const char *p = words[i]; *p != '\0'; p++) {
			if ((unsigned char)*p < ' ' || *p == 0x7f || (i == 0 && *p == ' '))
				return err_set(e, ERR_CONFIG, 0,
					       "%s of source %s holds a character that POP3 can't carry; %s offers only "
					       "USER and PASS",
					       i == 0 ? "user" : "the password", s->source->name, c->host);
		}
		if (!ascii_only(slice_str(words[i])) &&
		    ((s->can & POP3_CAN_UTF8_USER) == 0 || !utf8_valid(slice_str(words[i]))))
			return err_set(e, ERR_CONFIG, 0,
				       "%s only offers USER and PASS, which can't carry a user or password that is not "
				       "ASCII",
				       c->host);
	}
	return 0;
}

/* A line with a secret in it, and its reply. */
static int say_secret(struct pop3_attempt *a, const char *line, struct err *e)
{
	struct source_session *s = a->session;

	if (pop3_quiet(s, e) != 0 || pop3_put(s, e, "%s", line) != 0)
		return -1;
	pop3_wipe(s);
	return pop3_reply(s, &a->reply, e);
}

int pop3_try_user(struct pop3_attempt *a, struct err *e)
{
	struct source_session *s = a->session;
	char *line;
	int ret;

	a->complaint[0] = '\0';
	if (check_words(s, e) != 0)
		return -1;
	line = mem_printf("USER %s", s->server->user);
	ret = say_secret(a, line, e);
	mem_wipe_str(&line);
	if (ret != 0 || a->reply.status != POP3_OK)
		return ret != 0 ? -1 : pop3_refused_login(a, "USER", SASL_UNSAID, e);
	line = mem_printf("PASS %s", s->server->password);
	ret = say_secret(a, line, e);
	mem_wipe_str(&line);
	if (ret != 0 || a->reply.status != POP3_OK)
		return ret != 0 ? -1 : pop3_refused_login(a, "USER", SASL_UNSAID, e);
	s->mechanism = "USER and PASS";
	return 0;
}

/* The stamp was looked at when the server greeted. */
int pop3_try_apop(struct pop3_attempt *a, struct err *e)
{
	struct source_session *s = a->session;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct buf line;
	char *text;
	int ret;

	if (s->stamp == NULL)
		return err_set(e, ERR_CONFIG, 0,
			       "%s does not offer APOP, which auth of source %s demands (its greeting has no stamp)",
			       s->server->host, s->source->name);
	if (check_words(s, e) != 0)
		return -1;
	text = mem_printf("%s%s", s->stamp, s->server->password);
	ret = EVP_Digest(text, strlen(text), digest, &n, EVP_md5(), NULL);
	mem_wipe_str(&text);
	if (ret != 1)
		return err_set(e, ERR_CONFIG, 0,
			       "OpenSSL does not give MD5 here, which APOP needs; take auth = \"APOP\" from source %s",
			       s->source->name);
	buf_init(&line, 1024);
	(void)buf_addf(&line, "APOP %s ", s->server->user);
	if (hex_encode(slice_of((const char *)digest, n), &line) != 0)
		ret = err_set(e, ERR_CONFIG, 0, "user of source %s is too long", s->source->name);
	else
		ret = say_secret(a, buf_str(&line), e);
	buf_wipe(&line);
	if (ret == 0 && a->reply.status != POP3_OK)
		ret = pop3_refused_login(a, "APOP", SASL_UNSAID, e);
	if (ret == 0)
		s->mechanism = "APOP";
	return ret;
}
