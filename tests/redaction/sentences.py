"""What customers are told about outages, in words of our own: none of it is anything to take out."""

HARMLESS = """
On 4 March 2026, between 09:12 and 10:47 UTC, about one in five payments failed.
If you tried to pay, you saw an error page and your basket stayed as it was.
No data was lost, changed or seen by others.
We rolled the change back at 10:41, and all services were healthy by 10:47.
12,400 customers in Europe could not sign in for 22 minutes.
You do not need to do anything. Refunds arrive within 3–5 working days.
We now test every release with 1 % of traffic before it reaches everyone.
Our status page is at https://status.example.com/ and we post updates there every 30 minutes.
Will this happen again? We cannot promise that it will not, but it is far less likely.
May we ask how we did? Rate us from 1 to 5.
Mark your calendar: planned maintenance on 2026-04-01 at 02:00 CET.
Response times rose from 0.2 s to 14.5 s (p99).
We had not noticed that our certificate expires on 31 December 2026.
API version 2.4.1 is affected; version 2.4.2 is not.
Requests over HTTP/2 and TLS 1.3 failed with error 503.
We use AES-256 and SHA-256; UTF-8 names were garbled.
The COVID-19 dashboard was slow.
We back up your data every 15 minutes, 24/7, in 3 regions (EU, US and UK).
Our supplier's network lost 40 % of its packets from 13:05 until 13:50 (CET).
Some webhooks were delivered twice. Please make sure that you ignore repeated ones.
We have hired two more people for our support team; calls are answered in 90 seconds on average.
Apps built with Node.js or Vue.js were not affected.
See our [help page](https://help.example.com/articles/refunds) for what to do.
Between 2026-03-02T10:00:00Z and 2026-03-02T11:30:00Z orders were late.
Your password is safe: we store only a hash of it.
Please choose a new password; your old password: not valid any more.
Passwords were never exposed, and no token was leaked.
Access keys can be rotated in Settings → Security.
* First, we looked at the wrong graph for 25 minutes.
> We are sorry. You rely on us on your busiest day.
1. Detect it in 2 minutes instead of 17. 2. Tell you within 10. 3. Roll back in 5.
In 2025 we had 4 such incidents; in 2026 so far 1.
It cost you time and money: on average 35 € per shop.
The total was $1,250,000.00 across 1,500,000 orders.
A well-known state-of-the-art load-balancing technique spreads requests evenly.
Outside of business hours nobody looked; out-of-business-hours alerts now wake somebody up.
The mobile app (iOS and Android) kept working; the web app did not.
Search results were up to 6 hours old. Home pages and private messages were fine.
We were slow. Private links worked. Test orders did not.
Error 404 was shown on page 404 for customers 1 to 500 in the queue.
Read/write access was restored first; input/output errors ended at 12:10.
Nothing you/your team did caused it.
We will publish our progress on 15 April, 15 May and 15 June 2026.
The fix went live at 16:20; by 16:25 99.98 % of requests succeeded.
Thank you to everybody who reported it to us. You helped.
IT teams that use our CSV and PDF exports may see gaps from 10 AM to 2 PM.
Payments by card, IBAN transfer and PayPal were affected alike.
What we learnt: our tests covered the old format but not the new one.
We deploy on Fridays no more.
One of our engineers noticed it by chance while a customer called.
An internal system ran out of memory.
The login service and the checkout service share a database; they will not from May on.
The database that holds baskets was 97 % full; at 100 % it refused new baskets.
We moved 30,000 accounts to another data centre within 48 hours.
Your account was charged once, even where the page said twice.
If your order number is missing in the list, reply to our mail.
We saw 5 errors, 50 errors, then 5000 errors a minute.
Users in Brazil, India & Japan saw it first—about 4 minutes earlier than others.
Half-hourly exports between 01:00–05:00 were empty: “0 rows”.
Ordinary queues hold 10 000 messages; ours held 2 500 000.
Support answered 1,204 tickets that day; a normal day has 300 tickets.
Our servers' clocks differed by 3 seconds.
Grace periods were extended to 14 days, and hope was not our plan.
The same thing happened in June 2024 and in a smaller way in May 2025.
Reload the page (Ctrl+R or ⌘R) and sign in again.
Don't share your password or your token with anybody, not even with us.
See section 3.2.1 of our terms.
Version 10.4 fixes it, 10.3 and 9.12 do not.
""".strip().splitlines()
