import PresenceWire
import Testing
import XMLWire

/// Documents as the specifications show them: whitespace, prefixes and all.
@Suite("Examples of RFC 4745, 4826 and 5025") struct SpecificationExamplesTests {
    private func parse(_ text: String) throws -> XMLElement { try XCAPDocument.parse(Array(text.utf8)) }

    @Test("RFC 4826 §3.3: nested lists, a reference and an external list")
    func resourceLists() throws {
        let root = try parse(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"
               xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
             <list name="friends">
              <entry uri="sip:bill@example.com">
               <display-name>Bill Doe</display-name>
              </entry>
              <entry-ref ref="resource-lists/users/sip:bill@example.com/index/~~/resource-lists/list%5b@name=%22list1%22%5d/entry%5b@uri=%22sip:petri@example.com%22%5d"/>
              <list name="close-friends">
               <display-name>Close Friends</display-name>
               <entry uri="sip:joe@example.com">
                <display-name>Joe Smith</display-name>
               </entry>
               <entry uri="sip:nancy@example.com">
                <display-name>Nancy Gross</display-name>
               </entry>
               <external anchor="http://xcap.example.org/resource-lists/users/sip:a@example.org/index/~~/resource-lists/list%5b@name=%22mkting%22%5d">
                <display-name>Marketing</display-name>
               </external>
              </list>
             </list>
            </resource-lists>
            """)
        try ResourceLists.validate(root)
        #expect(
            ResourceLists.entries(root) == [
                .init(uri: "sip:bill@example.com", name: "Bill Doe", list: "friends"),
                .init(uri: "sip:joe@example.com", name: "Joe Smith", list: "close-friends"),
                .init(uri: "sip:nancy@example.com", name: "Nancy Gross", list: "close-friends"),
            ])
        // Nothing of it is lost on the way out and in again.
        let again = try XCAPDocument.parse(XCAPDocument.bytes(of: root))
        #expect(again == root)
        let selector = try #require(
            NodeSelector(
                "resource-lists/list[@name=\"friends\"]/list[1]/entry[@uri=\"sip:joe@example.com\"]", query: nil,
                defaultNamespace: ResourceLists.namespace))
        #expect(selector.node(in: root) != nil)
    }

    @Test("RFC 5025 §5: a rule that allows, with what is shown then")
    func presenceRules() throws {
        let root = try parse(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <cr:ruleset xmlns="urn:ietf:params:xml:ns:pres-rules" xmlns:pr="urn:ietf:params:xml:ns:pres-rules"
               xmlns:cr="urn:ietf:params:xml:ns:common-policy">
             <cr:rule id="a">
              <cr:conditions>
               <cr:identity>
                <cr:one id="sip:user@example.com"/>
               </cr:identity>
              </cr:conditions>
              <cr:actions>
               <pr:sub-handling>allow</pr:sub-handling>
              </cr:actions>
              <cr:transformations>
               <pr:provide-services>
                <pr:service-uri-scheme>sip</pr:service-uri-scheme>
                <pr:service-uri-scheme>mailto</pr:service-uri-scheme>
               </pr:provide-services>
               <pr:provide-persons>
                <pr:all-persons/>
               </pr:provide-persons>
               <pr:provide-activities>true</pr:provide-activities>
               <pr:provide-user-input>bare</pr:provide-user-input>
               <pr:provide-unknown-attribute ns="urn:vendor-specific:foo-namespace" name="foo">true</pr:provide-unknown-attribute>
              </cr:transformations>
             </cr:rule>
            </cr:ruleset>
            """)
        #expect(
            try PresenceRules.rules(root) == [
                .init(id: "a", identities: [.one("sip:user@example.com")], handling: .allow)
            ])
        // What is not followed is kept: names stay in the namespaces in which they were.
        #expect(PresenceRules.settled(root) == root)
    }

    @Test("RFC 4745 §7: everybody, everybody but some, several identities, spheres and times")
    func commonPolicy() throws {
        func rules(_ conditions: String) throws -> [PresenceRules.Rule] {
            try PresenceRules.rules(
                try parse(
                    """
                    <ruleset xmlns="urn:ietf:params:xml:ns:common-policy">
                     <rule id="f3g44r1">
                      <conditions>\(conditions)</conditions>
                      <actions/>
                      <transformations/>
                     </rule>
                    </ruleset>
                    """))
        }
        #expect(
            try rules("<identity><many domain=\"example.com\"/></identity>").first?.identities
                == [.many(domain: "example.com", except: [])])
        #expect(try rules("<identity><many/></identity>").first?.identities == [.many(domain: nil, except: [])])
        #expect(
            try rules(
                """
                <identity>
                  <many>
                    <except domain="example.com"/>
                    <except domain="example.org"/>
                    <except id="sip:alice@bad.example.net"/>
                    <except id="sip:bob@good.example.net"/>
                    <except id="tel:+1-212-555-1234" />
                  </many>
                </identity>
                """
            ).first?.identities == [
                .many(
                    domain: nil,
                    except: [
                        .domain("example.com"), .domain("example.org"), .one("sip:alice@bad.example.net"),
                        .one("sip:bob@good.example.net"), .one("tel:+1-212-555-1234"),
                    ])
            ])
        #expect(
            try rules(
                """
                <identity>
                  <one id="sip:alice@example.org"/>
                  <one id="tel:+1-212-555-1234" />
                  <one id="mailto:bob@example.net" />
                </identity>
                """
            ).first?.identities == [
                .one("sip:alice@example.org"), .one("tel:+1-212-555-1234"), .one("mailto:bob@example.net"),
            ])
        let timed = try rules(
            """
            <identity><one id="sip:bob@example.com"/></identity>
            <sphere value="work"/>
            <validity>
              <from>2003-12-24T17:00:00+01:00</from>
              <until>2003-12-24T19:00:00+01:00</until>
            </validity>
            """)
        #expect(timed.first?.otherConditions == ["sphere", "validity"] && timed.first?.handling == nil)
    }
}
