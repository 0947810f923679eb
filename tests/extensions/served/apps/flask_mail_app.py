"""Mail to a server that speaks SMTP: plain, with HTML and a file, several over one connection."""

import mailbox
import os

from flask import Flask, render_template_string
from flask_mail import Mail, Message, email_dispatched

PACKAGE = "flask-mail"
SHOWS = "mail to an SMTP server: HTML, a file, several at once"
BESIDE = [
    ("python -m aiosmtpd -n -l 127.0.0.1:{beside} -c aiosmtpd.handlers.Mailbox {folder}/inbox", "")
]
ASK = [
    {"ask": "POST /send"},
    "GET /inbox",
    {"ask": "POST /send-many"},
    "GET /inbox",
    {"ask": "POST /send-badly"},
    "GET /dispatched",
]
RANDOM = [r"<[^>@]+@[^>]+>(?=\n|\")", r"={15}\d+=="]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.config.update(
    MAIL_SERVER="127.0.0.1",
    MAIL_PORT=int(os.environ["MATRIX_BESIDE"]),
    MAIL_DEFAULT_SENDER=("The shop", "shop@example.com"),
)
mail = Mail(app)
dispatched = []
email_dispatched.connect(
    lambda app, message: dispatched.append([app.name, message.subject]), weak=False
)


@app.post("/send")
def send():
    message = Message("Grüße", recipients=["ada@example.com"], cc=["bob@example.com"])
    message.body = "plain"
    message.html = render_template_string("<b>{{ name }}</b>", name="Ada & Bob")
    message.attach("pets.csv", "text/csv", "name,age\nRex,3\n")
    mail.send(message)
    return "sent"


@app.post("/send-many")
def send_many():
    with mail.connect() as connection:
        for number in range(3):
            connection.send(Message(f"Number {number}", ["ada@example.com"], body="."))
    return "sent"


@app.post("/send-badly")
def send_badly():
    try:
        mail.send(Message("A\nBcc: eve@example.com", ["ada@example.com"], body="."))
    except Exception as error:
        return {"refused": type(error).__name__}
    return "sent"


@app.get("/inbox")
def inbox():
    messages = sorted(mailbox.Maildir("inbox"), key=lambda message: message["Subject"])
    return [
        {
            "subject": message["Subject"],
            "to": message["To"],
            "cc": message["Cc"],
            "from": message["From"],
            "parts": [
                [part.get_content_type(), None if part.is_multipart() else part.get_payload()]
                for part in message.walk()
            ],
        }
        for message in messages
    ]


@app.get("/dispatched")
def told():
    return dispatched
