import Ground
import NIOCore

/// One flush per tick: everything that links have to say leaves together.
struct SIPOutput {
    private var dirty: [SIPLink] = []
    private var isScheduled = false
    private var pacing = WakePacing()
    /// Messages since the last flush.
    private var work = 0
    private let loop: NIOIsolatedEventLoop
    private let time: any TimeSource

    init(loop: NIOIsolatedEventLoop, time: any TimeSource) {
        self.loop = loop
        self.time = time
    }

    /// The link has something to flush.
    @inline(__always)
    mutating func mark(_ link: SIPLink) {
        work &+= 1
        if !link.isDirty { add(link) }
    }

    private mutating func add(_ link: SIPLink) {
        link.isDirty = true
        dirty.append(link)
        guard !isScheduled else { return }
        isScheduled = true
        let server = link.server
        loop.execute { server.flush() }
    }

    /// The links to flush, and how many messages they carry.
    mutating func take() -> [SIPLink] {
        isScheduled = false
        let links = dirty
        dirty.removeAll(keepingCapacity: true)
        return links
    }

    /// Microseconds for the loop to rest, so that one wake-up serves several messages (see `WakePacing`).
    mutating func rest(uptime: Int64) -> Int64 {
        let done = work
        work = 0
        return pacing.rest(after: done, uptime: uptime)
    }
}
