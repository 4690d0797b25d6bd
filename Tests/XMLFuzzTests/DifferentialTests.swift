import Foundation
import Testing

@testable import XMLWire

/// The scanner against Expat: same acceptance, same kind of refusal, same names, attributes and text.
///
/// Meant differences: XMPP forbids comments, processing instructions, DTDs, entities and text between stanzas; Expat
/// knows the name characters of XML 1.0's fourth edition only; of two faults in one tag each side may report its own.
@Suite("Scanner and Expat")
struct DifferentialTests {
    private struct Sample {
        var name: String
        var bytes: [UInt8]
    }

    private static func corpus(_ folder: String) throws -> [Sample] {
        let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus/\(folder)")
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).filter { $0.hasSuffix(".xml") }
        return try names.sorted().map {
            Sample(name: $0, bytes: Array(try Data(contentsOf: directory.appending(path: $0))))
        }
    }

    /// Runs both parsers; nil when all is as it should be.
    private static func problem(with input: [UInt8], cuts: [Int]) -> String? {
        let whole = ScannerRun(on: input, isThorough: true)
        if let contradiction = whole.contradictions.first { return contradiction }
        if ScannerRun(on: input, cuts: cuts).verdict != whole.verdict { return "another result when cut at \(cuts)" }
        let expat = ExpatParser.verdict(on: input, cuts: cuts)
        guard let disagreement = Comparison.disagreement(ours: whole.verdict, expat: expat, input: input) else {
            return nil
        }
        return "\(disagreement); scanner: \(whole.verdict.reason); Expat at \(expat.position): \(expat.reason)"
    }

    @Test("the valid corpus is accepted by both, with the same content")
    func validCorpus() throws {
        let samples = try Self.corpus("valid")
        #expect(samples.count >= 40)
        for sample in samples {
            let ours = ScannerRun(on: sample.bytes, isThorough: true)
            #expect(ours.verdict.refusal == nil, "\(sample.name): \(ours.verdict.reason)")
            #expect(
                Self.problem(with: sample.bytes, cuts: Array(sample.bytes.indices.dropFirst())) == nil, "\(sample.name)"
            )
        }
    }

    @Test("the invalid corpus is refused by both, for the same kind of reason")
    func invalidCorpus() throws {
        let samples = try Self.corpus("invalid")
        #expect(samples.count >= 40)
        for sample in samples {
            #expect(ScannerRun(on: sample.bytes).verdict.refusal != nil, "\(sample.name)")
            #expect(ExpatParser.verdict(on: sample.bytes, cuts: []).refusal != nil, "\(sample.name)")
            #expect(
                Self.problem(with: sample.bytes, cuts: Array(sample.bytes.indices.dropFirst())) == nil, "\(sample.name)"
            )
        }
    }

    /// `ROOST_FUZZ_ITERATIONS` and `ROOST_FUZZ_SEED` change length and course of the run.
    @Test("mutated inputs are judged alike")
    func mutations() throws {
        let environment = ProcessInfo.processInfo.environment
        let iterations = environment["ROOST_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 20_000
        let seed = environment["ROOST_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
        let corpus = try Self.corpus("valid") + Self.corpus("invalid")
        var mutator = Mutator(corpus: corpus.map(\.bytes), seed: seed)
        var problems = 0
        var accepted = 0
        for iteration in 0..<iterations {
            let input = mutator.nextInput()
            let cuts = mutator.cuts(for: input.count)
            if let problem = Self.problem(with: input, cuts: cuts) {
                problems += 1
                Issue.record("seed \(seed), iteration \(iteration): \(problem)\n\(Self.printable(input))")
                if problems == 10 { break }
            }
            if ScannerRun(on: input).verdict.refusal == nil { accepted += 1 }
        }
        // A mutator that only makes rubbish, or only copies, would test nothing.
        #expect(problems > 0 || (accepted > iterations / 20 && accepted < iterations * 19 / 20))
    }

    private static func printable(_ input: [UInt8]) -> String {
        input.map { $0 >= 0x20 && $0 < 0x7F ? String(UnicodeScalar($0)) : "\\x" + String($0, radix: 16) }.joined()
    }
}
