#define _GNU_SOURCE
#include "CDatagrams.h"

#include <string.h>

#ifdef __linux__

static void arrange(struct roost_datagram *datagrams, int count, struct mmsghdr *headers, struct iovec *vectors) {
    for (int index = 0; index < count; index++) {
        struct roost_datagram *datagram = &datagrams[index];
        vectors[index].iov_base = datagram->bytes;
        vectors[index].iov_len = datagram->count;
        memset(&headers[index], 0, sizeof headers[index]);
        headers[index].msg_hdr.msg_name = &datagram->peer;
        headers[index].msg_hdr.msg_namelen = datagram->peer_count;
        headers[index].msg_hdr.msg_iov = &vectors[index];
        headers[index].msg_hdr.msg_iovlen = 1;
    }
}

int roost_send_datagrams(int descriptor, struct roost_datagram *datagrams, int count) {
    struct mmsghdr headers[ROOST_DATAGRAMS];
    struct iovec vectors[ROOST_DATAGRAMS];
    if (count > ROOST_DATAGRAMS) count = ROOST_DATAGRAMS;
    arrange(datagrams, count, headers, vectors);
    return sendmmsg(descriptor, headers, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int roost_receive_datagrams(int descriptor, struct roost_datagram *datagrams, int count) {
    struct mmsghdr headers[ROOST_DATAGRAMS];
    struct iovec vectors[ROOST_DATAGRAMS];
    if (count > ROOST_DATAGRAMS) count = ROOST_DATAGRAMS;
    for (int index = 0; index < count; index++) datagrams[index].peer_count = sizeof datagrams[index].peer;
    arrange(datagrams, count, headers, vectors);
    int received = recvmmsg(descriptor, headers, (unsigned)count, MSG_DONTWAIT, NULL);
    for (int index = 0; index < received; index++) {
        datagrams[index].count = headers[index].msg_len;
        datagrams[index].peer_count = headers[index].msg_hdr.msg_namelen;
        datagrams[index].is_cut = (headers[index].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    }
    return received;
}

#else

int roost_send_datagrams(int descriptor, struct roost_datagram *datagrams, int count) {
    for (int index = 0; index < count; index++) {
        struct roost_datagram *datagram = &datagrams[index];
        if (sendto(descriptor, datagram->bytes, datagram->count, MSG_DONTWAIT, &datagram->peer.any, datagram->peer_count) < 0)
            return index > 0 ? index : -1;
    }
    return count;
}

int roost_receive_datagrams(int descriptor, struct roost_datagram *datagrams, int count) {
    if (count < 1) return 0;
    datagrams->peer_count = sizeof datagrams->peer;
    size_t room = datagrams->count;
    ssize_t received = recvfrom(
        descriptor, datagrams->bytes, room, MSG_DONTWAIT, &datagrams->peer.any, &datagrams->peer_count);
    if (received < 0) return -1;
    datagrams->count = (size_t)received;
    datagrams->is_cut = 0;
    return 1;
}

#endif

ssize_t roost_send(int descriptor, const void *bytes, size_t count) {
#ifdef MSG_NOSIGNAL
    return send(descriptor, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
#else
    return send(descriptor, bytes, count, MSG_DONTWAIT);
#endif
}
