// The system's Expat: a second opinion for the differential tests of XMLWire. The server does not link it.
#include <expat.h>
