/* What rules may know of the surroundings (RFC 5183, 4.1). */
#include "intake/internal.h"

static struct slice domain_of(struct slice host)
{
	size_t dot = slice_find(host, '.');

	return dot < host.n ? slice_skip(host, dot + 1) : host;
}

size_t intake_environment(const struct intake *in, const struct intake_envelope *env, struct buf *ip,
			  struct sieve_item out[INTAKE_ENVIRONMENT_MAX])
{
	struct slice host = slice_str(in->config->hostname);
	size_t n = 0;

	out[n++] = (struct sieve_item){ SLICE_LIT("host"), host };
	out[n++] = (struct sieve_item){ SLICE_LIT("domain"), domain_of(host) };
	/* Mail that was fetched, or came over a socket of this machine, has no such client. */
	if (env->fetched != NULL || env->ip == NULL)
		return n;
	/* As an address literal has it (RFC 5321, 4.1.3), without the brackets. */
	(void)buf_addf(ip, "%s%s", strchr(env->ip, ':') != NULL ? "IPv6:" : "", env->ip);
	out[n++] = (struct sieve_item){ SLICE_LIT("remote-ip"), buf_slice(ip) };
	/* Nobody asks the DNS for it. */
	out[n++] = (struct sieve_item){ SLICE_LIT("remote-host"), SLICE_LIT("") };
	return n;
}
