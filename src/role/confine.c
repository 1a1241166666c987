#include "role/confine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sanitizer.h"
#include "config/peer.h"
#include "config/url.h"
#include "config/value.h"
#include "role/filter.h"
#include "role/landlock.h"
#include "role/resolver.h"

#ifdef BASE_ADDRESS_SANITIZER
enum { BUILT = 0 };
#else
enum { BUILT = 1 };
#endif

/* ABI 1 has no rename from one directory to another, without which the spool can't work. */
enum { LANDLOCK_LEAST = 2, FILE_SPARE = 16 * 1024 * 1024 };

/* ---- the kernel ---- */

void confine_ask_kernel(struct confine_kernel *k)
{
	*k = (struct confine_kernel){ .built = BUILT, .seccomp = filter_possible(), .landlock = landlock_abi() };
}

static bool has_landlock(const struct confine_kernel *k)
{
	return k->landlock >= LANDLOCK_LEAST;
}

bool confine_lacks(const struct confine_kernel *k, struct buf *out)
{
	static const struct {
		int abi;
		const char *what;
	} later[] = { { 3, "cutting files short (Linux 6.2)" },
		      { 4, "ports (Linux 6.7)" },
		      { 5, "devices (Linux 6.10)" },
		      { 6, "signals and abstract sockets (Linux 6.12)" },
		      { 7, "log lines of what is refused (Linux 6.15)" } };
	const char *between = "";
	size_t before = out->n;

	if (!k->built) {
		(void)buf_add_str(out, "all of it (this is a build with AddressSanitizer)");
		return true;
	}
	if (!k->seccomp) {
		(void)buf_add_str(out, "seccomp (system calls)");
		between = ", ";
	}
	if (!has_landlock(k)) {
		(void)buf_addf(out, "%sLandlock (files, ports, signals; Linux 5.19, and \"landlock\" among the kernel's lsm=)", between);
		return true;
	}
	for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
		if (k->landlock >= later[i].abi)
			continue;
		(void)buf_addf(out, "%sLandlock of %s", between, later[i].what);
		between = ", ";
	}
	return out->n > before;
}

int confine_suffices(const struct confine_kernel *k, const struct config *c, struct err *e)
{
	char *what;
	struct buf lacks;

	if (c->sandbox != CONFIG_SANDBOX_REQUIRED || (k->built && k->seccomp && has_landlock(k)))
		return 0;
	buf_init(&lacks, sizeof e->text / 2);
	(void)confine_lacks(k, &lacks);
	what = buf_take(&lacks, NULL);
	(void)err_set(e, ERR_CONFIG, ENOSYS,
		      "%s: sandbox: it is \"required\", and this system lacks %s; use a kernel that has it, or set sandbox "
		      "to \"auto\" to run with what there is", c->file, what == NULL ? "parts of it" : what);
	free(what);
	return -1;
}

/* ---- limits ---- */

static void limit(int resource, rlim_t most)
{
	struct rlimit now;

	if (getrlimit((__rlimit_resource_t)resource, &now) != 0)
		return;
	if (most > now.rlim_max)
		most = now.rlim_max;
	now = (struct rlimit){ most, most };
	(void)setrlimit((__rlimit_resource_t)resource, &now);
}

/* A log that is a file grows past any bound on a message. */
static bool logs_to_file(void)
{
	struct stat st;

	return fstat(STDERR_FILENO, &st) != 0 || S_ISREG(st.st_mode);
}

static void limits_set(const struct confine_row *row, const struct confine_wish *w)
{
	struct rlimit files;

	limit(RLIMIT_CORE, 0);
	/* Counted for each user, so that of those that have children nothing sensible can be said. */
	if ((row->may & MAY_FORK) == 0)
		limit(RLIMIT_NPROC, 0);
	/* What it raised to its need stays; it can't be raised again. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		limit(RLIMIT_NOFILE, row->files != 0 && row->files < files.rlim_cur ? row->files : files.rlim_cur);
	if (!logs_to_file() && w->config != NULL && (row->may & MAY_FILES) == 0)
		limit(RLIMIT_FSIZE, (rlim_t)w->config->limits.message_size + FILE_SPARE);
	if (BUILT)
		limit(RLIMIT_DATA, row->memory + (w->config == NULL ? 0 : row->a_session * w->config->limits.sessions));
}

/* ---- Landlock ---- */

static int allow_ports(int set, int abi, const struct config *c)
{
	int r = landlock_allow_port(set, abi, RESOLVER_DNS_PORT);

	for (size_t i = 0; i < config_servers(c); i++) {
		const struct config_server *s = config_server_at(c, i);
		const char *const texts[] = { s->token.token_endpoint, s->token.device_endpoint };
		char hint[VALUE_HINT_SIZE];
		struct url url;

		r |= landlock_allow_port(set, abi, s->port);
		for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
			if (texts[k] != NULL && url_parse(texts[k], &url, hint) == 0)
				r |= landlock_allow_port(set, abi, url.port);
	}
	for (size_t i = 0; i < c->nmilters; i++) {
		char hint[VALUE_HINT_SIZE];
		struct config_peer peer;

		if (c->milters[i].address != NULL &&
		    config_peer_parse(slice_str(c->milters[i].address), &peer, hint) == 0 && peer.port != 0)
			r |= landlock_allow_port(set, abi, peer.port);
	}
	return r;
}

static int landlock_confine(const struct confine_row *row, const struct confine_wish *w, int abi)
{
	int set = landlock_new(abi), r = set < 0 ? -1 : 0, saved;

	if (r == 0 && row->directory != 0 && w->directory >= 0)
		r = landlock_allow(set, abi, w->directory, row->directory);
	for (size_t i = 0; r == 0 && i < w->npaths; i++)
		r = landlock_allow_path(set, abi, w->paths[i], LANDLOCK_READ);
	for (size_t i = 0; r == 0 && row->resolver && resolver_directories[i] != NULL; i++)
		r = landlock_allow_path(set, abi, resolver_directories[i], LANDLOCK_READ);
	if (r == 0 && row->resolver && w->config != NULL)
		r = allow_ports(set, abi, w->config);
	if (r == 0)
		r = landlock_enter(set, abi);
	saved = errno;
	if (set >= 0)
		(void)close(set);
	errno = saved;
	return r;
}

/* ---- all of it ---- */

static int failed(const struct confine_wish *w, bool required, const struct err *e)
{
	if (required)
		return -1;
	log_warning("sandbox-incomplete", LOG_STR("of", w->role), LOG_STR("why", e->text));
	return 0;
}

int confine(const struct confine_wish *w, const struct confine_kernel *k, struct err *e)
{
	const struct confine_row *row = confine_row(w->role);
	enum config_sandbox sandbox = w->config == NULL ? CONFIG_SANDBOX_AUTO : w->config->sandbox;
	bool required = sandbox == CONFIG_SANDBOX_REQUIRED;

	if (row == NULL)
		return err_set(e, ERR_SYSTEM, 0, "nothing says what the role %s may do (role/confine_table.c)", w->role);
	if (w->config != NULL && confine_suffices(k, w->config, e) != 0)
		return -1;
	/* Local times are in rules and in what commands print. */
	tzset();
	if (row->resolver)
		resolver_prepare();
	limits_set(row, w);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		(void)err_sys(e, errno, "give up new privileges");
		return failed(w, required, e);
	}
	if (sandbox == CONFIG_SANDBOX_OFF || !k->built)
		return 0;
	if (has_landlock(k) && landlock_confine(row, w, k->landlock) != 0) {
		(void)err_sys(e, errno, "give up files and ports (Landlock)");
		if (failed(w, required, e) != 0)
			return -1;
	}
	filter_trap_prepare(row->role);
	if (k->seccomp && filter_enter(row->may, e) != 0)
		return failed(w, required, e);
	return 0;
}
