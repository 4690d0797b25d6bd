enum DoctorOperations {
    static let all: [AdminOperation] = [
        AdminOperation(
            "doctor.examine", .get, "/doctor", "Runs the troubleshooter: what is wrong, and how it is mended.",
            roles: .everyone, result: AdminExamination.self
        ) { call in try await call.part(call.admin.parts.doctor).examine() }
    ]
}
