/// Many datagrams in one call of the system: sendmmsg and recvmmsg, which Glibc's module does not show to Swift; and a write
/// that neither waits nor signals.
#ifndef ROOST_CDATAGRAMS_H
#define ROOST_CDATAGRAMS_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/// Most datagrams of one call.
#define ROOST_DATAGRAMS 64

/// One datagram and the peer that it goes to or came from.
struct roost_datagram {
    void *bytes;
    /// Of the datagram; when receiving, of the memory at `bytes` before the call.
    size_t count;
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } peer;
    /// Bytes of the address.
    socklen_t peer_count;
    /// Set when receiving: the datagram was longer than the memory.
    int is_cut;
};

/// Sends up to ROOST_DATAGRAMS. Returns how many went, or -1 with errno for the first.
int roost_send_datagrams(int descriptor, struct roost_datagram *datagrams, int count);

/// Takes what waits, up to ROOST_DATAGRAMS, without waiting. Returns how many came, or -1 with errno.
int roost_receive_datagrams(int descriptor, struct roost_datagram *datagrams, int count);

/// Writes to a connection what goes out without waiting. Returns how many bytes went, or -1 with errno.
ssize_t roost_send(int descriptor, const void *bytes, size_t count);

#endif
