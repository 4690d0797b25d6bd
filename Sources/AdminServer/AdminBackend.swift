/// What the administration interface can ask of the running server: a protocol for each topic.
public typealias AdminBackend = AdminUsers & AdminSessions & AdminStatusReport & AdminPortable & AdminExplain
    & AdminContacts
