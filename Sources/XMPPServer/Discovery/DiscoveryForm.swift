import XMPPWire

/// A form with more about the server in its discovery information (XEP-0128).
struct DiscoveryForm {
    struct Field {
        var name: String
        var values: [String]
    }

    /// FORM_TYPE.
    var type: String
    var fields: [Field]

    /// The form as a data form of type `result` (XEP-0004).
    var xml: String {
        var xml = "<x xmlns='jabber:x:data' type='result'>"
        xml += "<field var='FORM_TYPE' type='hidden'><value>\(XMLText.escape(type))</value></field>"
        for field in fields {
            let values = field.values.map { "<value>\(XMLText.escape($0))</value>" }.joined()
            xml += "<field var='\(XMLText.escape(field.name))' type='list-multi'>\(values)</field>"
        }
        return xml + "</x>"
    }

    /// Its part of the verification string (XEP-0115 §5.1).
    var verification: String {
        var text = type + "<"
        for field in fields.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            text += field.name + "<"
            for value in field.values.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) { text += value + "<" }
        }
        return text
    }
}
