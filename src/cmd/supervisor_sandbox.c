/* What becomes of the key `sandbox' on this kernel. */
#include "base/log.h"
#include "cmd/supervisor.h"
#include "role/confine.h"

enum { LACKS_MAX = 1000 };

int supervisor_sandbox(const struct setup *setup, struct err *e)
{
	static int told = -1; /* for which setting */
	enum config_sandbox sandbox = setup->config->sandbox;
	struct confine_kernel kernel;
	struct buf lacks;

	confine_ask_kernel(&kernel);
	if (confine_suffices(&kernel, setup->config, e) != 0)
		return -1;
	if (told == (int)sandbox)
		return 0;
	told = (int)sandbox;
	buf_init(&lacks, LACKS_MAX);
	if (sandbox == CONFIG_SANDBOX_OFF)
		log_warning("sandbox-off", LOG_STR("what", "the configuration says sandbox = \"off\": a program that was taken "
							   "over can do all that its user can"));
	else if (confine_lacks(&kernel, &lacks))
		LOG_EVENT(kernel.built && kernel.seccomp && kernel.landlock > 1 ? LOG_INFO : LOG_WARNING, "sandbox-partly",
			  LOG_STR("missing", buf_str(&lacks)),
			  LOG_STR("what", "this system does not have all that shuts mailferry's programs in; mailferry "
					  "runs with what there is"),
			  { 0 });
	buf_free(&lacks);
	return 0;
}
