"""Mail over SMTP, by TICKERLINE_SMTP_URL. Needs a server that takes mail from TICKERLINE_MAIL_FROM."""
