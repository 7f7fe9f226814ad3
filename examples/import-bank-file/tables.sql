CREATE TABLE payment(
    reference varchar(35) PRIMARY KEY,
    iban varchar(34) NOT NULL,
    name varchar(70) NOT NULL,
    amount numeric(14, 2) NOT NULL CHECK (amount > 0),
    booked date NOT NULL,
    file_date date NOT NULL);
