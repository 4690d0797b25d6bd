/// Documents of presence: PIDF, RPID, watcherinfo, dialog-info, reginfo, resource lists, presence rules.
