"""Words that people use for the same thing when something breaks. A likeness of meaning counts less than the word.

A line is a group; a word may be in several. Add a line, and similar incidents follow it at once.
"""

from collections import defaultdict

from config.search.words import stem

GROUPS = """
    login logon signin sign authentication auth sso saml password
    slow latency delay late lag sluggish crawl stall stuck wait hang
    timeout timed unresponsive hang frozen freeze stand
    down outage unavailable unreachable offline lost
    error fail failure 500 502 503 exception broken reject refuse decline
    crash kill oom abort exit restart close
    certificate cert tls ssl https handshake
    expire lapse validity renewal renew ran old
    credential token key secret password certificate
    database db postgres postgresql mysql sql primary cluster
    replica replication follower standby secondary lag behind
    connection pool session client exhausted
    lock alter migration schema column index transaction
    payment pay card charge debit acquirer authorisation
    bill invoice subscription renewal receipt
    twice double duplicate repeat again
    mail email smtp mailbox inbox newsletter message
    spam junk blocklist blacklist reputation dkim spf bounce forged
    queue backlog pile worker job batch behind
    cache cdn edge stale purge invalidate
    dns domain resolve nameserver hostname nxdomain cname subdomain zone
    throttle limiter 429 rate limit refuse
    bot botnet scraper crawler ddos denial attack flood storm abuse
    memory oom heap leak ram
    disk volume storage space partition full
    deploy deployment release rollout version ship update
    config configuration setting parameter default
    flag toggle switch experiment beta feature
    delete remove erase purge wipe lost gone disappear cleanup tidy retention
    daylight summer clock utc offset timezone dst hour
    region datacenter centre zone availability
    power electrical cooling fire flood
    provider supplier vendor partner upstream processor host
    search find index lookup
    mobile app android iphone ios phone device
    file upload attachment document image picture
    price discount vat tax amount
    webhook callback event integration endpoint receiver
    backup restore recover
    retry repeat again
    overload cpu load traffic peak request
    tenant customer stranger somebody
"""


def _alike() -> dict[str, frozenset[str]]:
    found = defaultdict(set)
    for line in GROUPS.strip().splitlines():
        group = {stem(word) for word in line.split()}
        for one in group:
            found[one] |= group - {one}
    return {one: frozenset(others) for one, others in found.items()}


ALIKE = _alike()
