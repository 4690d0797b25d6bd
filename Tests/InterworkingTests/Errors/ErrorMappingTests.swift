import SIPWire
import Testing
import XMPPWire

@testable import Interworking

@Suite("Stanza errors as SIP statuses (RFC 7247 §7)") struct ErrorMappingTests {
    @Test(
        "a status is a condition",
        arguments: [
            (300, "redirect"), (301, "gone"), (302, "redirect"), (305, "redirect"), (380, "not-acceptable"),
            (400, "bad-request"), (401, "not-authorized"), (402, "bad-request"), (403, "forbidden"),
            (404, "item-not-found"), (405, "feature-not-implemented"), (406, "not-acceptable"),
            (407, "registration-required"), (408, "remote-server-timeout"), (410, "gone"), (413, "policy-violation"),
            (414, "policy-violation"), (415, "not-acceptable"), (416, "not-acceptable"),
            (420, "feature-not-implemented"), (421, "not-acceptable"), (423, "resource-constraint"),
            (430, "recipient-unavailable"), (439, "feature-not-implemented"), (440, "policy-violation"),
            (480, "recipient-unavailable"), (481, "item-not-found"), (482, "not-acceptable"), (483, "not-acceptable"),
            (484, "item-not-found"), (485, "item-not-found"), (486, "service-unavailable"),
            (487, "service-unavailable"), (488, "not-acceptable"), (489, "policy-violation"),
            (491, "unexpected-request"), (493, "bad-request"), (499, "bad-request"), (500, "internal-server-error"),
            (501, "feature-not-implemented"), (502, "remote-server-not-found"), (503, "internal-server-error"),
            (504, "remote-server-timeout"), (505, "not-acceptable"), (513, "policy-violation"),
            (599, "internal-server-error"), (600, "service-unavailable"), (603, "service-unavailable"),
            (604, "item-not-found"), (606, "not-acceptable"),
        ]) func fromSIP(_ status: Int, _ condition: String)
    {
        #expect(ErrorMapping.condition(of: SIPStatus(status)).rawValue == condition)
    }

    @Test(
        "a condition is a status, of one client and of the user as a whole",
        arguments: [
            ("bad-request", 400, 400), ("conflict", 400, 400), ("feature-not-implemented", 501, 501),
            ("forbidden", 403, 603), ("gone", 410, 410), ("internal-server-error", 500, 500),
            ("item-not-found", 404, 604), ("jid-malformed", 400, 400), ("not-acceptable", 406, 606),
            ("not-allowed", 403, 403), ("not-authorized", 401, 401), ("policy-violation", 403, 403),
            ("recipient-unavailable", 480, 600), ("redirect", 302, 302), ("registration-required", 407, 407),
            ("remote-server-not-found", 404, 404), ("remote-server-timeout", 408, 408),
            ("resource-constraint", 500, 500), ("service-unavailable", 403, 403), ("subscription-required", 400, 400),
            ("undefined-condition", 400, 400), ("unexpected-request", 491, 491),
        ]) func toSIP(_ condition: String, _ status: Int, _ whole: Int) throws
    {
        let condition = try #require(StanzaError.Condition(rawValue: condition))
        #expect(ErrorMapping.status(of: condition).rawValue == status)
        #expect(ErrorMapping.status(of: condition, isWhole: true).rawValue == whole)
    }

    @Test("an error says what the status was") func text() {
        let error = ErrorMapping.error(for: SIPStatus(486))
        #expect(error.condition == .serviceUnavailable)
        #expect(error.text == "SIP 486 Busy Here")
    }
}
