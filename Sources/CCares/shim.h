// c-ares: asynchronous DNS with NAPTR and SRV.
#include <ares.h>
#include <arpa/nameser.h>
