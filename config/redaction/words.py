"""The words that the check must know to raise few false alarms."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# First and last names that are words too: alone they are a name only where a capital says so.
ALSO_WORDS = _words("""
abel all amber angel april art august autumn bell best bill bird bishop black blue brand brook brooks
brown burns bush carol cash chance chase chip christian church clay close coffey cole cook cooper
crystal daisy dale dawn day dean dick don drew duke earl early east eve ever faith fall field fields
fish fisher ford forest fox frank free friend gay gene glass gold good grace grant gray green guy hall
harmony heath heather henry high hill holly hope house hunt hunter ice ivy jack james jasmine jay jean
jewel joy june justice king knight lake lane law leaf lee lily little logan long love low major man mark
marks marsh mason max may melody mercy merry mike miles miller mills moon moore more north olive page
park parker parks pat patience pearl penny peter piper pole pope post potter power price pride prince
queen rain randy ray read red reed rich rick river rob robin rock rose ruby rusty sage sandy savage
scott shaw short singer sky small smart smith snow south spring star stern stone storm street strong
stuart sue summer sunny swift taylor terry thorn tin tony trip true turner violet wade walk wall ward
warren waters way wells west white wild will wise wolf wood woods work young
""")

# What accounts are called that belong to no one person, and particles of names.
ROLES = _words("""
a account admin administrator aftercare agent alert alerts and at audit auditor billing bot by call
contact da de del demo den der dev di engineer engineering facilitator for guest hello help in info la
las le los mac mail manager noreply of office on oncall operator ops owner per responder root sales
security service services shop staff support sysadmin system team ter test tester the to user van von
web webmaster
""")

# What kind of company it is says nothing of which.
LEGAL = _words("""
ab ag aps as bv co company corp corporation gmbh group holding holdings inc international kg kk limited
llc ltd mbh nv ohg oy plc pte pty sa sarl sas se spa srl ug
""")

# Capitals that are nobody's initials.
CAPITALS = _words("""
AD AI ALL AM AN AND API APP AS AT AU BC BE BY CA CDN CET CH CPU CSV DB DE DNS DO EST EU FAQ FOR FR GMT
GO HE HR HTTP ID IF IN IO IP IS IT ME ML MY NEW NL NO NOT OF OK ON OR OS PC PDF PM PR PST QA RAM SEV SLA
SLO SMS SO SQL SSL THE TLS TO TV UI UK UP URL US USA UTC UX VPN WE WEB XML
""")

# What looks like the number of a ticket and is a standard.
STANDARDS = _words("""
AES BASE BCP BS COVID CPU CVE CWE DIN EN FIPS GDPR GMT GPT GPU H1 H2 HTTP IEC IEEE IPV IPv ISO MD5 MP
NIST PCI Q1 Q2 Q3 Q4 RSA SEV SHA SOC SSL TLS TOP USB UTC UTF WCAG
""")
