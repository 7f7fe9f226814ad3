create table transactions (
  transaction_id text primary key, amount numeric(12,2), currency text, timestamp timestamptz,
  account_from text, account_to text, status text, amount_eur numeric(12,2));
create table transactions_again (like transactions including all);
