import XMPPWire

/// The configuration as a data form (XEP-0045 §10.2, §15.6.3), and as it is stored.
extension RoomConfiguration {
    public static let formType = "http://jabber.org/protocol/muc#roomconfig"
    private static let prefix = "muc#roomconfig_"
    private static let roles = [RoomRole.moderator, .participant, .visitor].map(\.rawValue)

    /// One option: how to show it, write it and read it.
    private struct Option {
        var field: FormField
        var values: (RoomConfiguration) -> [String]
        /// False when the values are not allowed.
        var set: (inout RoomConfiguration, [String]) -> Bool
    }

    private static func flag(
        _ name: String, _ label: String, _ path: WritableKeyPath<RoomConfiguration, Bool>
    ) -> Option {
        Option(
            field: FormField(prefix + name, .boolean, label: label), values: { [$0[keyPath: path] ? "1" : "0"] },
            set: { configuration, values in
                guard let value = FormField(name, values: values).isTrue else { return false }
                configuration[keyPath: path] = value
                return true
            })
    }

    private static func text(
        _ name: String, _ label: String, _ path: WritableKeyPath<RoomConfiguration, String>,
        _ kind: FormField.Kind = .textSingle
    ) -> Option {
        Option(
            field: FormField(prefix + name, kind, label: label), values: { [$0[keyPath: path]] },
            set: { configuration, values in
                let value = values.first ?? ""
                guard value.utf8.count <= RoomLimits.textBytes else { return false }
                configuration[keyPath: path] = value
                return true
            })
    }

    private static func choice<Value: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ label: String, _ path: WritableKeyPath<RoomConfiguration, Value>
    ) -> Option {
        Option(
            field: FormField(
                prefix + name, .listSingle, label: label, options: Value.allCases.map { .init($0.rawValue) }),
            values: { [$0[keyPath: path].rawValue] },
            set: { configuration, values in
                guard let value = values.first.flatMap({ Value(rawValue: $0) }) else { return false }
                configuration[keyPath: path] = value
                return true
            })
    }

    private static func roleList(
        _ name: String, _ label: String, _ path: WritableKeyPath<RoomConfiguration, [String]>
    ) -> Option {
        Option(
            field: FormField(prefix + name, .listMulti, label: label, options: roles.map { .init($0) }),
            values: { $0[keyPath: path] },
            set: { configuration, values in
                // Some forms offer `none` for nobody.
                configuration[keyPath: path] = roles.filter { values.contains($0) }
                return true
            })
    }

    private static func options(_ limits: RoomLimits) -> [Option] {
        [
            text("roomname", "Name of the room", \.name),
            text("roomdesc", "What the room is about", \.description),
            text("lang", "Language of the discussion", \.language),
            flag("persistentroom", "The room stays when the last occupant leaves", \.isPersistent),
            flag("publicroom", "The room is listed", \.isPublic),
            flag("membersonly", "Only members enter", \.isMembersOnly),
            flag("moderatedroom", "Who is no member needs to be given voice", \.isModerated),
            flag("passwordprotectedroom", "A password is needed to enter", \.isPasswordProtected),
            text("roomsecret", "The password", \.password, .textPrivate),
            choice("whois", "Who sees the addresses of occupants", \.visibility),
            maxUsers(limits),
            flag("changesubject", "Participants may change the subject", \.allowsSubjectChange),
            flag("allowinvites", "Every occupant may invite others", \.allowsInvitations),
            choice("allowpm", "Who may write private messages", \.privateMessages),
            roleList("presencebroadcast", "Roles whose presence is shown", \.presenceRoles),
            roleList("getmemberlist", "Roles that may read the list of members", \.listReaders),
            flag("enablelogging", "Occupants are told that the discussion is recorded", \.isLogged),
            Option(
                field: FormField(
                    "muc#maxhistoryfetch", .textSingle, label: "Messages shown to who enters, at most",
                    rule: .integer(0...RoomHistory.capacity)),
                values: { [String($0.maxHistory ?? limits.history)] },
                set: { configuration, values in
                    guard let text = values.first, !text.isEmpty else {
                        configuration.maxHistory = nil
                        return true
                    }
                    guard let value = Int(text), value >= 0, value <= RoomHistory.capacity else { return false }
                    configuration.maxHistory = value
                    return true
                }),
        ]
    }

    private static func maxUsers(_ limits: RoomLimits) -> Option {
        let choices = [10, 20, 30, 50, 100, 200, 500, 1_000].filter { $0 < limits.occupants } + [limits.occupants]
        return Option(
            field: FormField(
                prefix + "maxusers", .listSingle, label: "Occupants at most",
                options: choices.map { FormField.Option(String($0)) } + [
                    FormField.Option("none", label: "As many as the server allows")
                ],
                rule: FormRule("xs:string", isOpen: true)),
            values: { [$0.maxOccupants == 0 ? "none" : String($0.maxOccupants)] },
            set: { configuration, values in
                guard let text = values.first, text != "none", !text.isEmpty else {
                    configuration.maxOccupants = 0
                    return true
                }
                guard let value = Int(text), value >= 0, value <= 1_000_000 else { return false }
                configuration.maxOccupants = value
                return true
            })
    }

    /// The form for an owner. Owners and admins are lists of bare addresses.
    public func form(_ limits: RoomLimits, title: String, owners: [String], admins: [String]) -> DataForm {
        var fields = Self.options(limits).map { option in
            var field = option.field
            field.values = option.values(self)
            return field
        }
        fields.append(
            FormField("muc#roomconfig_roomadmins", .jidMulti, label: "Administrators of the room", values: admins))
        fields.append(FormField("muc#roomconfig_roomowners", .jidMulti, label: "Owners of the room", values: owners))
        return DataForm(.form, type: Self.formType, title: title, fields: fields)
    }

    /// The configuration with what a submission changes; the rest stays.
    /// - Throws: `not-acceptable` for values that are not allowed and combinations that make no sense (§10.2).
    public func applying(_ submission: DataForm, _ limits: RoomLimits) throws(StanzaError) -> RoomConfiguration {
        var changed = self
        let asked = form(limits, title: "", owners: [], admins: [])
        let answers: FormAnswers
        do throws(FormProblem) {
            answers = try asked.answers(in: submission, isPartial: true)
        } catch {
            throw StanzaError(.modify, .notAcceptable, error.description)
        }
        for option in Self.options(limits) where answers.contains(option.field.name) {
            guard option.set(&changed, answers[option.field.name]) else {
                throw StanzaError(
                    .modify, .notAcceptable, "the field \(option.field.name) has a value that is not allowed")
            }
        }
        guard !changed.isPasswordProtected || !changed.password.isEmpty else {
            throw StanzaError(.modify, .notAcceptable, "a room with a password needs one")
        }
        return changed
    }

    /// Addresses of a submitted list; nil when the field was left out.
    public static func addresses(_ name: String, in submission: DataForm) throws(StanzaError) -> [JID]? {
        guard let field = submission[prefix + name] else { return nil }
        var addresses: [JID] = []
        for value in field.values where !value.isEmpty {
            guard let jid = try? JID(parsing: value) else { throw .jidMalformed("'\(value)' is not an address") }
            if !addresses.contains(jid.bare) { addresses.append(jid.bare) }
        }
        return addresses
    }

    // MARK: Stored

    /// The options with their values, one a line.
    var stored: String {
        Self.options(RoomLimits()).filter { $0.field.name != "muc#maxhistoryfetch" || maxHistory != nil }
            .map { ([$0.field.name] + $0.values(self)).joined(separator: "\u{1F}") }.joined(separator: "\u{1E}")
    }

    init(stored: String) {
        self.init()
        let options = Self.options(RoomLimits())
        for record in stored.split(separator: "\u{1E}") {
            let parts = record.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
            guard let option = options.first(where: { $0.field.name == parts[0] }) else { continue }
            _ = option.set(&self, Array(parts.dropFirst()))
        }
    }
}
