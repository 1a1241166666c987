/* Apart, so that programs without OpenSSL can print what others read from a certificate. */
#include "net/cert.h"

#include <stdio.h>
#include <time.h>

void cert_date(int64_t seconds, char out[CERT_DATE_SIZE])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds == INT64_MIN || gmtime_r(&t, &tm) == NULL ||
	    strftime(out, CERT_DATE_SIZE, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		(void)snprintf(out, CERT_DATE_SIZE, "an unreadable date");
}
