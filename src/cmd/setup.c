#include "cmd/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cmd/activation.h"
#include "cmd/certificates.h"
#include "net/listener.h"
#include "role/role.h"

struct setup *setup_load(const char *file, struct buf *errors)
{
	struct setup *s = mem_alloc(sizeof *s);

	s->config = config_load(file, errors);
	buf_init(&s->users_text, SASL_USERS_TEXT_MAX);
	if (s->config == NULL || rules_load(s->config, &s->rules, errors) != 0 ||
	    certificates_check(s->config, file, errors) != 0 ||
	    users_load(s->config, &s->users, &s->users_text, errors) != 0) {
		setup_free(&s);
		return NULL;
	}
	if (s->config->nlisteners > ROLE_LISTENERS_MAX) {
		(void)buf_addf(errors, "%s: listeners: %zu are too many, %d are allowed\n", file, s->config->nlisteners,
			       ROLE_LISTENERS_MAX);
		setup_free(&s);
	}
	return s;
}

/* One that is there already. */
static int share_socket(const struct setup *old, struct setup_listener *l)
{
	const char *address = l->config->address;
	int fd = activation_socket(l->config);

	l->given = fd >= 0;
	if (old == NULL || fd >= 0)
		return fd;
	for (size_t i = 0; i < old->config->nlisteners; i++)
		if (old->listeners[i].fd >= 0 && strcmp(old->config->listeners[i].address, address) == 0)
			return fcntl(old->listeners[i].fd, F_DUPFD_CLOEXEC, 0);
	return -1;
}

/* With the port that the kernel chose, where the configuration left it to the kernel. */
static void log_listening(const struct config_listener *l, int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof sa;
	char name[LISTENER_NAME_SIZE];

	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0 || sa.ss_family == AF_UNIX) {
		log_info("listening", LOG_STR("listener", l->name), LOG_STR("address", l->address));
		return;
	}
	listener_peer_name((struct sockaddr *)&sa, len, name);
	log_info("listening", LOG_STR("listener", l->name), LOG_STR("address", name));
}

int setup_bind(struct setup *s, const struct setup *old, struct buf *errors)
{
	size_t n = s->config->nlisteners;
	int r = 0;

	if (s->listeners == NULL) {
		s->listeners = mem_array(n, sizeof *s->listeners);
		for (size_t i = 0; i < n; i++)
			s->listeners[i] = (struct setup_listener){ .config = &s->config->listeners[i], .fd = -1 };
	}
	for (size_t i = 0; i < n; i++) {
		struct setup_listener *l = &s->listeners[i];
		struct err e = { 0 };

		if (l->fd >= 0)
			continue;
		l->fd = share_socket(old, l);
		if (l->fd >= 0 && l->given && old == NULL)
			log_listening(l->config, l->fd);
		if (l->fd >= 0)
			continue;
		l->fd = listener_bind(l->config->address, &e);
		if (l->fd >= 0) {
			log_listening(l->config, l->fd);
			continue;
		}
		(void)buf_addf(errors, "listener %s: %s\n", l->config->name, e.text);
		r = -1;
	}
	return r;
}

void setup_close(struct setup *s)
{
	for (size_t i = 0; s->listeners != NULL && i < s->config->nlisteners; i++)
		file_close(&s->listeners[i].fd);
}

void setup_free(struct setup **sp)
{
	struct setup *s = *sp;

	if (s == NULL)
		return;
	*sp = NULL;
	setup_close(s);
	free(s->listeners);
	rules_free(&s->rules);
	sasl_users_free(&s->users);
	buf_wipe(&s->users_text);
	config_free(&s->config);
	free(s);
}

static bool has_address(const struct setup *s, const char *address)
{
	for (size_t i = 0; i < s->config->nlisteners; i++)
		if (strcmp(s->config->listeners[i].address, address) == 0)
			return true;
	return false;
}

void setup_unlink(const struct setup *s, const struct setup *next)
{
	static const char prefix[] = "unix:";

	for (size_t i = 0; i < s->config->nlisteners; i++) {
		const char *address = s->config->listeners[i].address;

		if (s->listeners != NULL && s->listeners[i].given)
			continue;
		if (strncmp(address, prefix, sizeof prefix - 1) == 0 && (next == NULL || !has_address(next, address)))
			(void)unlink(address + sizeof prefix - 1);
	}
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

const char *setup_fixed_key(const struct setup *now, const struct setup *next)
{
	if (!same_text(now->config->spool, next->config->spool))
		return "spool";
	if (!same_text(now->config->control, next->config->control))
		return "control";
	if (!same_text(now->config->user, next->config->user))
		return "user";
	return NULL;
}

int setup_memory_file(const char *name, const void *p, size_t n, struct err *e)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_sys(e, errno, "make a memory file");
	if (file_write_all(fd, p, n, e) != 0) {
		(void)close(fd);
		return -1;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
		(void)err_sys(e, errno, "seal a memory file");
		(void)close(fd);
		return -1;
	}
	return fd;
}
