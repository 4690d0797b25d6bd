import CDatagrams
import NIOCore

/// Datagrams that go out in one call of the system: copied into one run of memory, so that nothing else is held for them.
final class DatagramOutput {
    private static let room = 262_144
    private let datagrams = UnsafeMutablePointer<roost_datagram>.allocate(capacity: Int(ROOST_DATAGRAMS))
    private let memory = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: 16)
    private var used = 0
    private(set) var count = 0

    deinit {
        datagrams.deallocate()
        memory.deallocate()
    }

    /// False when there is no room before the next `send`.
    func add(_ bytes: ByteBuffer, to remote: TransportAddress, six: Bool) -> Bool {
        let size = bytes.readableBytes
        guard count < Int(ROOST_DATAGRAMS), used + size <= Self.room else { return false }
        let place = memory + used
        bytes.withUnsafeReadableBytes {
            if let base = $0.baseAddress { place.copyMemory(from: base, byteCount: size) }
        }
        var datagram = roost_datagram()
        datagram.bytes = place
        datagram.count = size
        remote.write(to: &datagram, six: six)
        (datagrams + count).initialize(to: datagram)
        count += 1
        used += (size + 15) & ~15
        return true
    }

    /// Sends what was added, and begins anew.
    ///
    /// What the system refuses (port 0, no route, a firewall) is lost, as datagrams may be, and the next one goes on.
    /// - Returns: how many went, and how many did not.
    func send(on descriptor: Int32) -> (sent: Int, lost: Int) {
        var (next, lost) = (0, 0)
        while next < count {
            let went = Int(roost_send_datagrams(descriptor, datagrams + next, Int32(count - next)))
            if went > 0 {
                next += went
            } else {
                lost += 1
                next += 1
            }
        }
        defer { (count, used) = (0, 0) }
        return (count - lost, lost)
    }

    func forget() { (count, used) = (0, 0) }
}

/// Memory for datagrams that are read in one call of the system. Only the pages that datagrams fill are ever touched.
final class DatagramInput {
    private static let batch = 32
    /// The largest that there are (RFC 768).
    private static let largest = 65_536
    private let datagrams = UnsafeMutablePointer<roost_datagram>.allocate(capacity: batch)
    private let memory = UnsafeMutableRawPointer.allocate(byteCount: batch * largest, alignment: 4_096)

    deinit {
        datagrams.deallocate()
        memory.deallocate()
    }

    /// Takes what waits, one batch of it; the bytes are valid during the call alone.
    ///
    /// - Returns: whether more may wait.
    func receive(on descriptor: Int32, _ body: (UnsafeRawBufferPointer, TransportAddress) -> Void) -> Bool {
        for index in 0..<Self.batch {
            var datagram = roost_datagram()
            datagram.bytes = memory + index * Self.largest
            datagram.count = Self.largest
            (datagrams + index).initialize(to: datagram)
        }
        let received = Int(roost_receive_datagrams(descriptor, datagrams, Int32(Self.batch)))
        guard received > 0 else { return false }
        for index in 0..<received {
            guard let remote = TransportAddress(datagrams[index]) else { continue }
            body(UnsafeRawBufferPointer(start: datagrams[index].bytes, count: datagrams[index].count), remote)
        }
        return received == Self.batch
    }
}
