import NIOCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

#if canImport(Glibc)
    private let ownProcess = __rusage_who_t(RUSAGE_SELF.rawValue)
#else
    private let ownProcess = RUSAGE_SELF
#endif

/// Running totals at one instant; a cost is the difference of two.
struct ProcessSample: Sendable {
    /// Nanoseconds of the monotonic clock.
    var time: UInt64 = 0
    /// Seconds of CPU of the server's processes.
    var serverUser = 0.0
    var serverSystem = 0.0
    /// Seconds of CPU of this process.
    var generator = 0.0
    /// Seconds that any processor was busy, and that the hypervisor kept one from running.
    var busy = 0.0
    var stolen = 0.0
    /// Memory of the server's processes in KiB; 0 in a sample without memory.
    var residentKiB = 0
    var proportionalKiB = 0

    var server: Double { serverUser + serverSystem }
}

/// Reads CPU time and memory of the server's processes and their descendants from `/proc` (Linux; elsewhere zeros).
struct ProcessProbe {
    private let roots: [Int32]
    private var tree: [Int32] = []
    private let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))

    /// - Throws: ``LoadFailure/notPossible(_:)`` when one of `processes` does not exist.
    init(_ processes: [Int32]) throws(LoadFailure) {
        roots = processes
        for process in processes where SystemFile.read("/proc/\(process)/stat") == nil {
            throw .notPossible("--pid \(process): there is no such process")
        }
    }

    /// Whether there is a server to measure.
    var hasServer: Bool { !roots.isEmpty }

    /// - Parameter memory: also read memory and look for new descendants, which takes milliseconds.
    mutating func sample(memory: Bool) -> ProcessSample {
        var sample = ProcessSample()
        if memory || tree.isEmpty { tree = descendants() }
        for process in tree {
            if let fields = Self.statFields(process), fields.count > 12 {
                sample.serverUser += (Double(fields[11]) ?? 0) / ticks
                sample.serverSystem += (Double(fields[12]) ?? 0) / ticks
            }
            if memory, let rollup = SystemFile.readText("/proc/\(process)/smaps_rollup") {
                sample.residentKiB += Self.kibibytes("Rss:", in: rollup)
                sample.proportionalKiB += Self.kibibytes("Pss:", in: rollup)
            }
        }
        if let line = SystemFile.readText("/proc/stat", limit: 16_384)?.split(separator: "\n").first {
            // user nice system idle iowait irq softirq steal
            let values = line.split(separator: " ").dropFirst().prefix(8).map { (Double($0) ?? 0) / ticks }
            if values.count == 8 {
                sample.busy = values[0] + values[1] + values[2] + values[5] + values[6]
                sample.stolen = values[7]
            }
        }
        sample.generator = Self.ownCPU()
        sample.time = NIODeadline.now().uptimeNanoseconds
        return sample
    }

    /// The roots and every process below them.
    private func descendants() -> [Int32] {
        guard hasServer else { return [] }
        var children: [Int32: [Int32]] = [:]
        for process in SystemFile.names(in: "/proc").compactMap({ Int32($0) }) {
            guard let fields = Self.statFields(process), fields.count > 1, let parent = Int32(fields[1]) else {
                continue
            }
            children[parent, default: []].append(process)
        }
        var found: [Int32] = []
        var waiting = roots
        while let process = waiting.popLast() {
            guard !found.contains(process) else { continue }
            found.append(process)
            waiting += children[process] ?? []
        }
        return found
    }

    /// The fields of `/proc/PID/stat` behind the command's name, which may itself hold spaces and parentheses.
    private static func statFields(_ process: Int32) -> [Substring]? {
        guard let text = SystemFile.readText("/proc/\(process)/stat", limit: 4_096),
            let close = text.lastIndex(of: ")")
        else { return nil }
        return text[text.index(after: close)...].split(separator: " ")
    }

    private static func kibibytes(_ name: String, in rollup: String) -> Int {
        for line in rollup.split(separator: "\n") where line.hasPrefix(name) {
            return line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        }
        return 0
    }

    private static func ownCPU() -> Double {
        var usage = rusage()
        getrusage(ownProcess, &usage)
        func seconds(_ value: timeval) -> Double { Double(value.tv_sec) + Double(value.tv_usec) / 1_000_000 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
