#include "relay.h"
int relay_source(struct relay *r)
{
	return relay_failf(r, "local", CODE_UNAVAILABLE, "not yet");
}
