// zlib: bodies that SIP clients have compressed.
#include <zlib.h>

// inflateInit2 is a macro, which Swift does not see.
static inline int roost_inflate_begin(z_stream *stream, int window) { return inflateInit2(stream, window); }
