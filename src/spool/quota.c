/* How much may go out in a day: counted where it is accepted, so that neither a restart nor several receivers matter. */
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "spool/inside.h"

enum { KEEP_DAYS = 31 * 100 /* about a month, in numbers such as 20260131 */ };

/* Of the local calendar, as a number that grows: 20260131. */
static int64_t day_of(int64_t wall_ms)
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		return 0;
	return ((int64_t)tm.tm_year + 1900) * 10000 + (int64_t)(tm.tm_mon + 1) * 100 + tm.tm_mday;
}

/* What the rules have sent is counted under names that no group has: what goes on, and answers and notices, whose number a
 * stranger may drive up, apart from it. */
static const char redirects[] = "", answers[] = "/answers";

static const struct config_relay_for *group_find(const struct spool_server *s, const char *name)
{
	for (size_t i = 0; i < s->options.nrelay_for && name != NULL; i++)
		if (strcmp(s->options.relay_for[i].name, name) == 0)
			return &s->options.relay_for[i];
	return NULL;
}

int quota_take(struct spool_server *s, const struct spool_message *m, int64_t *left)
{
	const struct config_relay_for *g;
	int64_t day, used = 0, n = 0;

	for (size_t i = 0; i < m->ndeliveries; i++)
		n += account_is_relay(m->deliveries[i].account);
	if (n == 0)
		return 1;
	g = group_find(s, m->relay_group);
	if (g == NULL) {
		log_warning("may-not-send-outward", LOG_STR("message", m->id), LOG_STR("group", m->relay_group));
		return 2;
	}
	day = day_of(s->now);
	if (db_number(&s->db, &used, SQL_QUOTA_GET, "ti", g->name, day) < 0)
		return -1;
	*left = used >= (int64_t)g->daily ? 0 : (int64_t)g->daily - used;
	if (n > *left) {
		log_warning("daily-reached", LOG_STR("group", g->name), LOG_STR("user", m->auth),
			    LOG_STR("client", m->client), LOG_STR("from", m->sender), LOG_NUM("daily", g->daily),
			    LOG_NUM("used", used), LOG_NUM("wanted", n));
		return 0;
	}
	*left -= n;
	if (db_run(&s->db, SQL_QUOTA_ADD, "titi", g->name, day, m->auth == NULL ? "" : m->auth, n) != 0 ||
	    (used == 0 && db_run(&s->db, SQL_QUOTA_OLD, "ti", g->name, day - KEEP_DAYS) != 0))
		return -1;
	return 1;
}

/* Who is refused pays nothing for it, and can come again at once: half of the number is for mail that is taken. */
static bool fits_refused(const struct spool_server *s, int64_t used, int64_t n)
{
	return s->options.rules_daily == 0 || n == 0 || used + n <= s->options.rules_daily / 2;
}

int quota_tells(struct spool_server *s, const struct spool_message *m)
{
	int64_t used = 0, n = 0;

	if (m->ndeliveries > 0 || m->nfurther == 0)
		return 1;
	for (size_t i = 0; i < m->nfurther; i++) {
		const struct spool_message *f = &m->further[i];

		if (!f->refused)
			return 1;
		for (size_t k = 0; k < f->ndeliveries; k++)
			n += account_is_relay(f->deliveries[k].account);
	}
	if (db_number(&s->db, &used, SQL_QUOTA_GET, "ti", answers, day_of(s->now)) < 0)
		return -1;
	return fits_refused(s, used, n);
}

int quota_take_rules(struct spool_server *s, const struct spool_message *f, int64_t n)
{
	const char *rules = f->apart ? answers : redirects;
	const int64_t day = day_of(s->now);
	int64_t used = 0;

	if (n == 0 || s->options.rules_daily == 0)
		return 1;
	if (db_number(&s->db, &used, SQL_QUOTA_GET, "ti", rules, day) < 0)
		return -1;
	if (f->refused && !fits_refused(s, used, n)) {
		log_warning("not-told", LOG_STR("session", f->session), LOG_STR("message", f->id),
			    LOG_STR("why", "the day's number for refused mail is reached"));
		return 2;
	}
	if (used + n > s->options.rules_daily) {
		log_warning("daily-reached", LOG_STR("group", f->apart ? "answers of rules" : "redirects of rules"), LOG_STR("from", f->sender),
			    LOG_STR("message", f->id), LOG_NUM("daily", s->options.rules_daily), LOG_NUM("used", used),
			    LOG_STR("effect", "held for a person"));
		effect_add(s, (struct effect){ .kind = EFFECT_HELD,
					       .file = mem_printf("Rules have sent %lld %s today, and may send %lld "
								  "(limits.rules_daily). What goes beyond that is held.",
								  (long long)used, f->apart ? "answers and notices" : "redirects",
								  (long long)s->options.rules_daily) });
		return 0;
	}
	if (db_run(&s->db, SQL_QUOTA_ADD, "titi", rules, day, "", n) != 0 ||
	    (used == 0 && db_run(&s->db, SQL_QUOTA_OLD, "ti", rules, day - KEEP_DAYS) != 0))
		return -1;
	return 1;
}
