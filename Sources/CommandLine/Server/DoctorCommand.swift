import AdminServer
import ArgumentParser

/// `roost doctor`
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look for what is wrong with the running server, and say how it is mended.",
        discussion: "The exit status is 1 when a test fails.")

    @OptionGroup var server: ServerOption
    @Flag(help: "Only what does not pass.") var problems = false
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let examination = try await server.ask("doctor.examine", returning: AdminExamination.self)
        if json {
            try Output.json(examination)
        } else {
            for area in examination.areas {
                let tests = area.tests.filter { !problems || $0.outcome != .pass }
                guard !tests.isEmpty else { continue }
                Output.line(area.name)
                for test in tests {
                    Output.line(
                        "  \(Self.marks[test.outcome] ?? "")  \(Output.printable(test.title)): "
                            + Output.printable(test.explanation))
                }
            }
        }
        if examination.worst == .fail { throw ExitCode(1) }
    }

    private static let marks: [AdminTest.Outcome: String] = [.pass: "ok  ", .warning: "WARN", .fail: "FAIL"]
}
