#include "driver/conf_value.h"

#include <string.h>

#include "base/text.h"

enum { MECHANISM_MAX = 20, DIGITS_MAX = 24 };

struct unit {
	char letter;
	int worth;
};

bool conf_is_token(const char *mechanism)
{
	return !strcmp(mechanism, "XOAUTH2") || !strcmp(mechanism, "OAUTHBEARER");
}

bool conf_is_mechanism(const char *s)
{
	return *s && strlen(s) <= MECHANISM_MAX && !s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")];
}

/* A number with one of the n units behind it, or none; -1 if it is none, or more than max. */
static long long with_unit(const char *text, const struct unit *units, size_t n, long long max)
{
	size_t len = strlen(text);
	unsigned long long number;
	int worth = 1;
	char digits[DIGITS_MAX];

	for (size_t i = 0; len && i < n; i++)
		if (text[len - 1] == units[i].letter) {
			worth = units[i].worth;
			len--;
			break;
		}
	if (len >= sizeof(digits))
		return -1;
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (text_number(digits, (unsigned long long)(max / worth), &number))
		return -1;
	return (long long)number * worth;
}

int conf_duration(const char *text, int max)
{
	static const struct unit units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};

	return (int)with_unit(text, units, sizeof(units) / sizeof(units[0]), max);
}

long long conf_size(const char *text, long long max)
{
	static const struct unit units[] = {{'K', 1 << 10}, {'M', 1 << 20}, {'G', 1 << 30}};

	return with_unit(text, units, sizeof(units) / sizeof(units[0]), max);
}
